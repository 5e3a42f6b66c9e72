# What a kernel before 6.5 cannot prove: who is at the other end (SO_PEERPIDFD).

cat >/etc/systemg/older.yaml <<'YAML'
version: "3"
project: older
services:
  boss:
    command: sysg start --child --parent-pid $$ --name helper -- true; exec sleep 600
    user: alice
    spawn: {mode: dynamic, limits: {children: 2}}
  # What is inside a service is known by its number alone, and held all the same.
  rogue:
    command: sysg --sys start -c /etc/systemg/other.yaml; sysg --sys stop -p older -s boss; exec sleep 600
    user: root
YAML
printf 'version: "3"\nproject: other\nservices: {one: {exec: [/bin/sleep, "600"], user: alice}}\n' >/etc/systemg/other.yaml
check "a stack starts" sysg --sys start --daemonize -c /etc/systemg/older.yaml
logged() { sysg --sys logs -s "older/$1" --no-follow 2>&1 | tee /tmp/logged | grep -q "$2" || { cat /tmp/logged; return 1; }; }
check "children are refused, with the reason" wait_for logged boss 'need Linux 6.5'
check "a service of root's installs nothing" wait_for logged rogue 'cannot talk to sysg-exec'
check "and stops nothing" wait_for logged rogue SG0704
sysg --sys stop -p older >/dev/null 2>&1
