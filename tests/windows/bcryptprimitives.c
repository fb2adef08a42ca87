/* Wine 8 has no bcryptprimitives.dll, whose ProcessPrng is where Rust's standard library takes its randomness from
   on Windows (cryptography, pydantic_core). Windows' older way to the same generator stands in for it:
   RtlGenRandom, which advapi32 exports by this name. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG size);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T size)
{
    return size <= MAXDWORD && SystemFunction036(buffer, (ULONG)size);
}
