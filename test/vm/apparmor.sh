# AppArmor, enforcing: a profile of our own, and a service that is confined by it.

apparmor_parser --replace <<'PROFILE'
profile sysg-test {
  file,
  signal,
  deny /srv/secret r,
}
PROFILE
echo open >/srv/open
echo secret >/srv/secret
cat >/etc/systemg/apparmor.yaml <<'YAML'
version: "3"
project: apparmor
services:
  confined:
    command: cat /srv/open; cat /srv/secret; exec sleep 600
    user: alice
    isolation: {apparmor_profile: sysg-test}
  free:
    command: cat /srv/secret; exec sleep 600
    user: alice
YAML
check "a service under a profile starts" sysg --sys start --daemonize -c /etc/systemg/apparmor.yaml
check "the kernel enforces the profile" grep -qx 'sysg-test (enforce)' "/proc/$(pid_of confined)/attr/current"
logged() { sysg --sys logs -s "apparmor/$1" --no-follow 2>&1 | tee /tmp/logged | grep -q "$2" || { cat /tmp/logged; return 1; }; }
check "what it allows can be read" wait_for logged confined 'stdout open'
check "what it denies cannot" wait_for logged confined '/srv/secret: Permission denied'
check "but without it" wait_for logged free 'stdout secret'
check "and security sees it" eval 'sysg --sys security confined | grep -q "sysg-test (enforce)"'
refuse "a profile that is not there" isolation.apparmor_profile SG0721 'isolation: {apparmor_profile: no-such-profile}'
sysg --sys stop -p apparmor >/dev/null 2>&1
