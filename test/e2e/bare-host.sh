# Runs inside a bare Debian: $1 is "deb" or "tarball"; /packages has both, /readme.sh the lines of README.md, /newer.deb a
# version after them. Each line of output is an observation; any failure ends it.
set -eu
server=1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b
mkdir -p "/srv/servers/$server/world" && echo level > "/srv/servers/$server/world/level.dat"
cd /packages
# There is no network for what apt would install beside it, and no terminal to ask.
printf 'APT::Install-Recommends "0";\nAPT::Get::Assume-Yes "1";\n' > /etc/apt/apt.conf.d/bare

code=0
sh -eu /readme.sh || code=$?
echo "readme=$code"
roost setup | sed -n 's/^\(made\|changed\): /again=/p'
echo "owner=$(stat -c %U:%a /var/lib/roost) token=$(stat -c %U:%a /etc/roost/token)"
roost backup create "$server" > /dev/null && echo backup=made
echo changed > "/srv/servers/$server/world/level.dat"
roost backup restore "$server" latest > /dev/null && echo "restored=$(cat "/srv/servers/$server/world/level.dat")"

prefix=/usr/share && [ "$1" = deb ] || prefix=/usr/local/share
for file in "$prefix"/man/man?/roost.* "$prefix"/zsh/*/_roost "$prefix"/fish/vendor_completions.d/roost.fish; do test -s "$file"; done
bash --norc -c '. "$0/bash-completion/completions/roost"; COMP_WORDS=(roost backup und); COMP_CWORD=2; _roost
  echo "completed=${COMPREPLY[*]}"' "$prefix"

systemctl reload roost > /reload.log 2>&1 && echo reloaded=yes
cp -p /etc/roost/config.yml /etc/roost/good.yml && echo 'storge: {}' >> /etc/roost/config.yml
systemctl reload roost > /reload.log 2>&1 || grep -q 'storge: is no known key' /reload.log && echo refused=yes
mv /etc/roost/good.yml /etc/roost/config.yml

if [ "$1" = deb ]; then
  running=$(readlink "/proc/$(cat /daemon.pid)/exe")
  apt-get install -qq ./newer.deb > /apt.log 2>&1
  test -e "$running" && echo running=kept
  roost backup create "$server" > /dev/null && echo "during=made by $(roost --version)"
  : > /daemon.log && systemctl restart roost && roost backup list "$server" --json > /dev/null
  case $(readlink "/proc/$(cat /daemon.pid)/exe") in *9.9.9*) echo upgraded=yes ;; esac
  apt-get install -qq --allow-downgrades ./roost_*_amd64.deb > /apt.log 2>&1
  : > /daemon.log && systemctl restart roost
  test "$(readlink "/proc/$(cat /daemon.pid)/exe")" = "$running" && roost backup list "$server" > /dev/null && echo downgraded=yes
  kill "$(cat /daemon.pid)"
  apt-get purge -qq -y roost > /apt.log 2>&1
  grep '^roost: nothing of' /apt.log
else
  kill "$(cat /daemon.pid)"
  rm -r /opt/roost /usr/local/bin/roost
  find /usr/local/share -lname '/opt/roost/*' -delete
fi
test -z "$(find /usr/share /usr/local/share -name '*roost*')"
test ! -e /usr/lib/roost && test ! -e /opt/roost
echo "left=$(ls /etc/roost | tr '\n' ' ')$(find /var/lib/roost -name '*.recipe' | wc -l)"
