#!/bin/bash
# A full disk, a disk that may not be written, and a damaged store: said once, clearly, and the node
# goes on.
. "$(dirname "$0")/lib.sh"
lab_begin
lab_network A B C
lab_line A B C
mkdir "$LAB/state-B"
small=no
if [ "$LAB_NETNS" = yes ] && mount -t tmpfs -o size=400k tmpfs "$LAB/state-B" 2>/dev/null; then
    small=yes
fi
for node in A B C; do node_up $node || exit 1; done
wait_until 30 links_up B 2
persona A alice
persona C carol
wait_until 30 knows C alice || give_up "C hears of alice"

# ---- Full ----
texts=$(jq -nc '[range(1; 301) | "message \(.) " + ("x" * 900)]')
send_all A '#general' "$texts"
wait_until 90 heard_count C alice general 300
ok "300 kB go through" [ "$(heard C alice general)" = "$texts" ]
if [ $small = yes ]; then
    ok "B says that its disk takes nothing" says '^! the disk takes nothing' at B status
    ok "and says it once in the log" [ "$(grep -ciE 'full|no space' "$LAB/B.log")" = 1 ]
    ok "B lives" links_up B 2
    node_down B
    mount -o remount,ro "$LAB/state-B"
    node_up B || exit 1
    ok "B starts on a disk that may not be written" wait_until 30 links_up B 2
    ok "and says so" says '^! the disk takes nothing' at B status
    at A send '#general' 'past a board that cannot write' >/dev/null
    ok "and relays all the same" wait_until 30 heard_count C alice general 301
else
    skip "full and read-only disks: they need root and namespaces"
fi

# ---- Damaged ----
stored_at() {
    at "$1" status --json | jq .store.count
}
all_stored=$(stored_at C)
has_all_again() {
    [ "$(stored_at A)" -ge "$all_stored" ]
}
RANDOM=${SEED:-99}
damage() { # FILE KIND: cut at a random place, or random bytes at sixteen of them
    local size flip
    size=$(stat -c %s "$1")
    [ "$size" -gt 0 ] || return 0
    if [ "$2" = cut ]; then
        truncate -s $((RANDOM * 32768 % size)) "$1"
        return
    fi
    for ((flip = 0; flip < 16; flip++)); do
        printf "\\x$(printf %02x $((RANDOM % 256)))" |
            dd of="$1" bs=1 seek=$(((RANDOM * 32768 + RANDOM) % size)) conv=notrunc status=none
    done
}
node_down A
for ((i = 1; i <= 20; i++)); do
    kind=flips
    ((i % 4 == 0)) && kind=cut
    files=("$LAB"/state-A/starling.db "$LAB"/state-A/starling.db-wal)
    file=${files[i % 3 == 0]} # every third time the log, if there is one
    [ -e "$file" ] || file=${files[0]}
    damage "$file" $kind
    said=$(wc -l <"$LAB/A.log")
    node_up A || give_up "A starts on damage $i ($kind of $(basename "$file"))"
    # Half of the time it fetches what it lost before it is killed, so that there is a log.
    ((i % 2 == 0)) && wait_until 30 has_all_again
    ((i % 2 == 0)) && node_kill A || node_down A
done
ok "A started on all 20 kinds of damage" [ $i = 21 ]
ok "and said what it did" grep -qE 'store: .*(damaged|repaired|set aside|recovered|lost)' "$LAB/A.log"
grep -h 'store:' "$LAB/A.log" | sort | uniq -c | sort -rn | head -n 8
node_up A || exit 1
ok "what it lost its neighbours give back" wait_until 60 has_all_again
ok "damaged files do not pile up" [ "$(find "$LAB/state-A" -type f | wc -l)" -le 8 ]
finish
