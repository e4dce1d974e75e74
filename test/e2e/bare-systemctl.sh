#!/bin/sh
# `systemctl` of a bare Debian, where no systemd runs: it enables the unit, and starts its own command line as its own user
# with its own powers.
set -eu
case "$*" in
"enable --now roost") SYSTEMD_OFFLINE=1 /usr/bin/systemctl enable roost >> /systemctl.log 2>&1 ;;
restart*) ;;
"reenable roost")
  SYSTEMD_OFFLINE=1 /usr/bin/systemctl reenable roost >> /systemctl.log 2>&1
  exit
  ;;
"reload roost")
  # Each line as the daemon's user with its powers, as systemd runs it; the first that fails ends it.
  unit=/etc/systemd/system/roost.service
  [ -e $unit ] || unit=/usr/lib/systemd/system/roost.service
  powers=$(sed -n 's/^AmbientCapabilities=//p' $unit | sed 's/CAP_/+/g; s/ /,/g' | tr A-Z a-z)
  sed -n 's/^ExecReload=//p' $unit | sed "s/[$]{MAINPID}/$(cat /daemon.pid)/" > /reload.sh
  exec setpriv --reuid roost --regid roost --clear-groups --inh-caps "-all,$powers" --ambient-caps "-all,$powers" \
    --bounding-set "-all,$powers" --no-new-privs sh -e /reload.sh
  ;;
*) exit 0 ;;
esac
if [ -e /daemon.pid ]; then
  kill "$(cat /daemon.pid)"
  while kill -0 "$(cat /daemon.pid)" 2>/dev/null; do sleep 0.1; done
fi
unit=/etc/systemd/system/roost.service
[ -e $unit ] || unit=/usr/lib/systemd/system/roost.service
powers=$(sed -n 's/^AmbientCapabilities=//p' $unit | sed 's/CAP_/+/g; s/ /,/g' | tr A-Z a-z)
install -d -o roost -g roost -m 700 /var/lib/roost
start=$(sed -n 's/^ExecStart=//p' $unit)
setpriv --reuid roost --regid roost --clear-groups --inh-caps "-all,$powers" --ambient-caps "-all,$powers" \
  --bounding-set "-all,$powers" --no-new-privs sh -c "umask 077; exec $start" >> /daemon.log 2>&1 &
echo $! > /daemon.pid
for _ in $(seq 300); do
  # The answer to a question without a token is enough.
  if grep -q '"msg":"Roost serves' /daemon.log || grep -q 'Roost serves' /daemon.log; then exit 0; fi
  sleep 0.1
done
cat /daemon.log >&2
exit 1
