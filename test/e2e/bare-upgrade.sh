# Runs inside a bare Debian that has 0.1.0 in /opt/roost: $1 is "deb" or "tarball", in /packages. Each line of output is an
# observation; any failure ends it.
set -eu
server=1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b
world=/srv/servers/$server/world.bin
mkdir -p "/srv/servers/$server" && head -c 4000000 /dev/urandom > "$world"
printf 'APT::Install-Recommends "0";\nAPT::Get::Assume-Yes "1";\n' > /etc/apt/apt.conf.d/bare

# The lines of its own README; -D was missing there.
cd /opt/roost
install -m 755 systemd/roost /usr/local/bin/
install -D -m 644 systemd/sysusers.d/roost.conf /etc/sysusers.d/roost.conf && systemd-sysusers
install -D -m 644 systemd/tmpfiles.d/roost.conf /etc/tmpfiles.d/roost.conf && systemd-tmpfiles --create /etc/tmpfiles.d/roost.conf
cat > /config.yml <<'CONFIG'
servers: { root: /srv/servers }
tokens: [{ id: operator, secret: a-token-of-more-than-sixteen-characters, permissions: ['*'], servers: ['*'] }]
limits: { per_server: 0 }
backups: { write_limit: 1 }
CONFIG
install -m 600 /config.yml /etc/roost/config.yml
install -m 644 systemd/roost.service /etc/systemd/system/
systemctl enable --now roost
echo "before=$(roost --version)"
first=$(roost backup create "$server" --json | sed -n 's/.*"id": *"\([^"]*\)".*/\1/p' | head -n 1)
sum=$(sha256sum < "$world")

# One backup after the other, until it is enough: a client that starts late would find the new daemon, and go on for ever.
while [ ! -e /enough ] && head -c 4000000 /dev/urandom > "$world" && /opt/roost/systemd/roost backup create "$server"; do :; done > /backups.log 2>&1 &
loop=$!
if [ "$1" = deb ]; then
  cd /packages && apt-get install -qq ./roost_*_amd64.deb > /apt.log 2>&1
  grep '^roost: ' /apt.log
  roost=/usr/bin/roost
else
  tar -xzf /packages/roost-*-linux-x64.tar.gz -C /opt
  roost=$(echo /opt/roost/[0-9]*/systemd/roost)
fi
$roost setup | sed -n 's/^\(made\|changed\|set aside\): \([^ ]*\) .*/\1=\2/p' | grep -v share/ | sort
until /opt/roost/systemd/roost backup list "$server" --json | grep -q IN_PROGRESS; do :; done
case $(readlink "/proc/$(cat /daemon.pid)/exe") in /opt/roost/node_modules/*) echo during=0.1.0 ;; esac
: > /enough
: > /daemon.log
systemctl reenable roost
systemctl restart roost
wait $loop || true

echo "after=$(roost --version)"
case $(readlink "/proc/$(cat /daemon.pid)/exe") in /opt/roost/node_modules/*) exit 1 ;; esac
roost backup list "$server" --json > /list.json
echo "states=$(grep -o '"status": *"[A-Z_]*"' /list.json | sort -u | sed 's/.*: *//' | tr -d '"\n')"
test "$(grep -o '"status"' /list.json | wc -l)" -ge 2
roost backup verify "$server" latest > /dev/null && echo verified=yes
roost backup restore "$server" "$first" > /dev/null && test "$(sha256sum < "$world")" = "$sum" && echo restored=first
echo "enabled=$(readlink -f /etc/systemd/system/multi-user.target.wants/roost.service)"
code=0
roost doctor --json > /doctor.json || code=$?
echo "doctor=$code"
echo "copy=$(ls /var/lib/roost | grep -c '^catalogue-[0-9]*\.sqlite$')"
kill "$(cat /daemon.pid)"
