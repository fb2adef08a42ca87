#!/bin/bash
# Runs as root inside the booted system, writes what it finds to /trial/out, one `name=value` a line, and powers off.
# Given: /trial/code (the whole one-time code) and /trial/url (the collector's address).
exec >/trial/log 2>&1
set -x
say() { echo "$1=$2" >>/trial/out; }
show() { systemctl show plomba-agent -p "$1" --value; }
soon() { # until the words after are true, within a minute
  for _ in $(seq 600); do if eval "$*"; then return 0; fi; sleep 0.1; done
  say "failed" "$*"; return 1
}
off() { sync; systemctl poweroff --force --no-wall; }
trap off EXIT

soon '[ "$(show SubState)" = running ]'
say waits "$(show ActiveState)"
say enabled "$(systemctl is-enabled plomba-agent)"
say account "$(ps -o user= -p "$(show MainPID)" 2>/dev/null || stat -c %U "/proc/$(show MainPID)")"
say capabilities "$(sed -n 's/^CapEff:\s*//p' "/proc/$(show MainPID)/status")"
say exposure "$(systemd-analyze security plomba-agent --no-pager | sed -n 's/.*exposure level for [^ ]* \([0-9.]*\).*/\1/p')"

# A port that another account has open, which only a look into its process shows.
setpriv --reuid=nobody --clear-groups python3 /trial/holder.py /trial/pty &
soon '[ -s /trial/pty ]'
chmod 666 "$(cat /trial/pty)"
sed -i "s|^url = .*|url = \"$(cat /trial/url)\"|" /etc/plomba/agent.toml
printf '[[device]]\nid = "held"\nfamily = "escpos"\nport = "%s"\npoll_s = 0.5\n' "$(cat /trial/pty)" >>/etc/plomba/agent.toml
printf '[jobs]\nservices = ["trial-target"]\ncompany_root = "%s"\n' "$(cat /trial/root.pub)" >>/etc/plomba/agent.toml
for name in target other; do
  printf '[Service]\nType=oneshot\nExecStart=/bin/true\nRemainAfterExit=yes\n' >/etc/systemd/system/trial-$name.service
done
plomba-agent enrol --code "$(cat /trial/code)"
say enrol $?
plomba-agent service install
say install $?
say hidden "$(ls /etc/systemd/system/plomba-agent.service 2>/dev/null)"
soon '[ "$(show SubState)" = running ] && plomba-agent status --json | grep -q receipt_at'
soon 'plomba-agent status --json | grep -q "\"contact\""'
say contact "$(plomba-agent status --json | sed -n 's/.*"contact": "\(.*\)",/\1/p')"
say foreign "$(find /var/lib/plomba-agent ! -user plomba | wc -l)"
say selftest "$(plomba-agent selftest >/trial/selftest; echo $?)"
say status "$(plomba-agent service status --json)"

restart() { setpriv --reuid=plomba --regid=plomba --clear-groups systemctl restart "$1"; }
say job "$(restart trial-target; echo $?)"
say another "$(restart trial-other && echo done)"

# Orders to update: a good one, the same once more, and one whose agent does nothing. What the job leaves is laid down here.
mkdir -p /run/systemd/system/plomba-update.service.d
printf '[Service]\nEnvironment=PLOMBA_UPDATE_GATE_S=20\n' >/run/systemd/system/plomba-update.service.d/soon.conf
systemctl daemon-reload
say path "$(systemctl is-active plomba-update.path)"
order() {
  folder=/var/lib/plomba-agent/update
  install -d -o plomba -g plomba -m 700 $folder
  install -o plomba -g plomba -m 600 "/trial/$1.deb" "$folder/$(cat "/trial/$1.sha256").deb"
  install -o plomba -g plomba -m 600 "/trial/$1.json" $folder/order.new
  mv $folder/order.new $folder/order.json
  soon '[ ! -e /var/lib/plomba-agent/update/order.json ]'
  soon '[ ! -e /var/lib/plomba-update/work ]'
  ended=$(sed -n 's/.*"result":"\([a-z]*\)".*/\1/p' /var/lib/plomba-update/told.json)
  cat /var/lib/plomba-update/told.json
  soon '[ "$(show SubState)" = running ]'
  say "$2" "$ended $(dpkg-query -f '${Version}' -W plomba-agent) $(show ActiveState)"
}
order good good
order good again
order bad bad

# Without the capabilities: the control of what they are for.
mkdir -p /run/systemd/system/plomba-agent.service.d
printf '[Service]\nAmbientCapabilities=\nCapabilityBoundingSet=\n' >/run/systemd/system/plomba-agent.service.d/blind.conf
systemctl daemon-reload
systemctl restart plomba-agent
soon '[ "$(plomba-agent status --json | sed -n "s/.*\"contact\": \"\(.*\)\",/\1/p")" != in_use ]'
say blind "$(plomba-agent status --json | sed -n 's/.*"contact": "\(.*\)",/\1/p')"
rm /run/systemd/system/plomba-agent.service.d/blind.conf

# Killed, and stopped in its tracks: systemd starts it anew.
printf '[Service]\nWatchdogSec=3\n' >/run/systemd/system/plomba-agent.service.d/soon.conf
systemctl daemon-reload
systemctl restart plomba-agent
kill -9 "$(show MainPID)"
soon '[ "$(show NRestarts)" = 1 ] && [ "$(show SubState)" = running ]'
say killed "$(show NRestarts)"
kill -STOP "$(show MainPID)"
soon '[ "$(show NRestarts)" = 2 ] && [ "$(show SubState)" = running ]'
say watched "$(show NRestarts)"

began=$(date +%s%N)
systemctl stop plomba-agent
say stop_ms $((($(date +%s%N) - began) / 1000000))
say stopped "$(show Result)"
journalctl -u plomba-agent -o short-precise --no-pager >/trial/journal
say priorities "$(journalctl -u plomba-agent -p warning --no-pager -q | wc -l)"
say raw "$(grep -c '<[0-7]>' /trial/journal)"
plomba-agent service remove
say removed "$(systemctl is-enabled plomba-agent)"
dpkg --remove plomba-agent
say kept "$(ls /var/lib/plomba-agent | wc -l)"
dpkg --purge plomba-agent
say purged "$(ls -d /var/lib/plomba-agent /etc/plomba 2>/dev/null | wc -l)"
say done yes
