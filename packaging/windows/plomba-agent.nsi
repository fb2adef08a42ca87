; The agent for 64-bit Windows 10 and later, silent with /S. makensis
; -DPAYLOAD=folder -DEXAMPLE=file -DVERSION=x.y.z -DOUTFILE=file
; The configuration and the state folder belong to the till: neither setup nor uninstaller touches them.
Unicode true
Target amd64-unicode
SetCompressor /SOLID lzma
RequestExecutionLevel admin
Name "Plomba agent"
OutFile "${OUTFILE}"
InstallDir "$PROGRAMFILES64\Plomba"
ShowInstDetails nevershow
BrandingText " "

!define PRODUCT "Software\Microsoft\Windows\CurrentVersion\Uninstall\PlombaAgent"
!define CONFIG "$APPDATA\Plomba\agent.toml"

Page instfiles
UninstPage uninstConfirm
UninstPage instfiles

Section
  SetShellVarContext all ; $APPDATA is ProgramData
  SetRegView 64

  ; An older agent ends before its files are replaced.
  IfFileExists "$INSTDIR\plomba-agent.exe" 0 fresh
    nsExec::Exec '"$INSTDIR\plomba-agent.exe" service remove'
    Pop $0
    StrCmp $0 0 +3
      SetErrorLevel 1
      Abort
    RMDir /r "$INSTDIR\_internal"
  fresh:

  SetOutPath "$INSTDIR"
  File /r "${PAYLOAD}\*.*"
  File /oname=agent.example.toml "${EXAMPLE}"
  WriteUninstaller "$INSTDIR\uninstall.exe"
  WriteRegStr HKLM "${PRODUCT}" "DisplayName" "Plomba agent"
  WriteRegStr HKLM "${PRODUCT}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKLM "${PRODUCT}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKLM "${PRODUCT}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKLM "${PRODUCT}" "NoModify" 1
  WriteRegDWORD HKLM "${PRODUCT}" "NoRepair" 1
  ; Everybody may make files in ProgramData, and what lies here is done as LocalSystem.
  CreateDirectory "$APPDATA\Plomba"
  nsExec::Exec '"$SYSDIR\icacls.exe" "$APPDATA\Plomba" /inheritance:r /grant:r *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F'
  Pop $0

  ; Without a configuration there is nothing to watch yet: plomba-agent service install follows by hand.
  IfFileExists "${CONFIG}" 0 done
    nsExec::Exec '"$INSTDIR\plomba-agent.exe" service install --config "${CONFIG}"'
    Pop $0
    SetErrorLevel $0
  done:
SectionEnd

Section "Uninstall"
  SetShellVarContext all
  SetRegView 64
  nsExec::Exec '"$INSTDIR\plomba-agent.exe" service remove'
  Pop $0
  StrCmp $0 0 +3
    SetErrorLevel 1
    Abort
  RMDir /r "$INSTDIR\_internal"
  Delete "$INSTDIR\plomba-agent.exe"
  Delete "$INSTDIR\agent.example.toml"
  Delete "$INSTDIR\uninstall.exe"
  RMDir "$INSTDIR"
  DeleteRegKey HKLM "${PRODUCT}"
SectionEnd
