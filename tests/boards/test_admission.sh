#!/bin/bash
# A board's first start, on folders of this machine in place of partitions: every way in, every wrong card,
# and the plug pulled at every command of it.
. "$(dirname "$0")/../e2e/lib.sh"
lab_begin
script=$PWD/boards/common/overlay/usr/lib/starling/admission
export STARLING_NETWORK=$LAB/square
export PATH=$BUILD:$PATH

# board NAME: empty partitions of a board, and what the script is told of them.
board() {
    export BOOT=$LAB/$1/boot DATA=$LAB/$1/data RUN=$LAB/$1/run TEST_FOLDERS=1
    export OWNER SIGN=$LAB/sign SIGNED=$LAB/$1/signed
    OWNER=$(id -un):$(id -gn)
    mkdir -p "$BOOT" "$DATA" "$RUN"
    : >"$SIGNED"
}
cat >"$LAB/sign" <<'TXT'
#!/bin/sh
echo "$@" >>"$SIGNED"
TXT
chmod +x "$LAB/sign"

# start: a start of the board. start_cut N: the plug is pulled at the Nth command; true if it came so far.
start() {
    : >"$SIGNED"
    sh "$script" >"$RUN/log" 2>&1
}
start_cut() {
    : >"$SIGNED"
    { CUT=$1 bash --posix -c '
        set -T
        count=0
        trap '\''count=$((count + 1)); [ "$BASHPID" != $$ ] || [ $count -lt $CUT ] || kill -KILL $$'\'' DEBUG
        . "$0"' "$script" >"$RUN/log" 2>&1; } 2>/dev/null
    [ $? = 137 ]
}
# card NODE: what flashing leaves on the boot partition.
card() {
    rm -rf "$BOOT/starling"
    mkdir "$BOOT/starling"
    cp "$LAB/square/nodes/$1"/* "$BOOT/starling/"
    (cd "$BOOT/starling" && sha256sum -- * >"$LAB/sums" && cp "$LAB/sums" sums)
}
is_node() { # NODE: the board is that one, its configuration is good and nothing secret is left on the card
    cmp -s "$DATA/node/node.key" "$LAB/square/nodes/$1/node.key" &&
        starlingd --check -c "$DATA/node/starlingd.conf" >/dev/null 2>&1 && [ ! -e "$BOOT/starling" ]
}
signed() {
    grep -q "$1" "$SIGNED"
}

starling network create square --folder "$LAB/square" >/dev/null
starling node add north >/dev/null
starling node add south >/dev/null
starling network create other --folder "$LAB/other" >/dev/null
STARLING_NETWORK=$LAB/other starling node add east >/dev/null
key=$(sed -n 2p "$LAB/square/nodes/north/node.key")

board first
card north
start
ok "a bundle on the card makes the board a node" is_node north
ok "and its light says nothing is wrong" none signed trouble
start
ok "the next start changes nothing" is_node north

board again
card north
start
mkdir -p "$DATA/starling" && echo kept >"$DATA/starling/messages"
card south
start
ok "another bundle of the network takes its place" is_node south
ok "and the messages stay" test -e "$DATA/starling/messages"
rm -rf "$BOOT/starling" && mkdir "$BOOT/starling" && cp "$LAB/other/nodes/east"/* "$BOOT/starling/"
(cd "$BOOT/starling" && sha256sum -- * >"$LAB/sums" && cp "$LAB/sums" sums)
start
ok "a bundle of another network takes the board there" cmp -s "$DATA/node/ca.crt" "$LAB/other/ca.crt"
ok "and the messages of the old one are gone" test ! -e "$DATA/starling/messages"

board halfway
card north
rm "$BOOT/starling/sums"
start
ok "a card that was not written to its end is told of" signed 'trouble .*not whole'
card north
echo >>"$BOOT/starling/node.key"
start
ok "so is one that is damaged" signed 'trouble .*not whole'
ok "and it makes no node" test ! -e "$DATA/node"
card north
cp "$LAB/square/nodes/south/node.key" "$BOOT/starling/node.key"
(cd "$BOOT/starling" && rm sums && sha256sum -- * >"$LAB/sums" && cp "$LAB/sums" sums)
start
ok "keys that do not belong together are told of" signed 'trouble .*cannot be used'
ok "and leave nothing behind" test ! -e "$DATA/node.new"
starling node add brief --valid-for 1s >/dev/null
sleep 2
card brief
start
ok "a certificate that has expired is told of" signed 'trouble .*expired'
ok "and its bundle stays on the card" test -e "$BOOT/starling/sums"
card north
start
ok "a good bundle after all that makes it a node" is_node north

board rotten
card north
start
echo rotten >"$DATA/node/node.crt"
card north
start
ok "a bundle that rotted on the board is taken again from the card" is_node north

board unread
card north
mv "$BOOT" "$BOOT.away"
start
ok "a boot partition that cannot be read is told of" signed 'trouble .*boot partition'
ok "and the board makes no keys of its own" test ! -e "$DATA/request"
mv "$BOOT.away" "$BOOT"
start
mv "$BOOT" "$BOOT.away"
start
ok "who is a node already is one without it" none signed trouble

if [ "$(id -u)" != 0 ]; then
    board protected
    card north
    chmod 500 "$DATA"
    start
    ok "a state partition that cannot be written is told of" signed 'trouble .*state partition'
    chmod 700 "$DATA"
fi

# ---- The plug ----

cuts=0
for at in $(seq 1 400); do
    rm -rf "$LAB/cut"
    board cut
    card north
    start_cut "$at" || break
    cuts=$((cuts + 1))
    start
    is_node north || break
done
ok "the plug was pulled at $cuts points of the first start, 20 at least" test "$cuts" -ge 20
ok "each time the next start made it a node" is_node north
ok "no key is left on the card" none grep -rqF "$key" "$BOOT"

cuts=0
for at in $(seq 1 400); do
    rm -rf "$LAB/cut"
    board cut
    card north
    start
    card south
    start_cut "$at" || break
    cuts=$((cuts + 1))
    start
    is_node south || break
done
ok "the same when a new bundle takes the place of another, $cuts points" is_node south

# ---- A board that makes its own keys ----

board asks
start
ok "a board without a bundle asks to be admitted" signed 'waiting .*no network'
ok "its request is on the card" grep -q '^starling:request/' "$BOOT/request.txt"
ok "and shows it as a code" signed '█'
cp "$BOOT/request.txt" "$LAB/request"
start
ok "the next start asks with the same keys" cmp -s "$BOOT/request.txt" "$LAB/request"
starling node admit "$BOOT/request.txt" --name lamp >/dev/null
mkdir -p "$BOOT/starling" && cp "$LAB/square/nodes/lamp/answer" "$BOOT/starling/answer"
asked=$LAB/asks
cp -a "$asked" "$LAB/asks.before"
start
admitted() {
    starlingd --check -c "$DATA/node/starlingd.conf" >/dev/null 2>&1 && [ ! -e "$BOOT/starling" ] && [ ! -e "$DATA/request" ] &&
        cmp -s "$DATA/node/node.crt" "$LAB/square/nodes/lamp/node.crt"
}
ok "the answer on the card admits it" admitted
ok "and its request is gone" test ! -e "$BOOT/request.txt"

board stranger
start
mkdir -p "$BOOT/starling" && cp "$LAB/square/nodes/lamp/answer" "$BOOT/starling/answer"
start
ok "an answer for another board is told of" signed 'trouble .*another board'
ok "and admits nobody" test ! -e "$DATA/node"

cuts=0
for at in $(seq 1 400); do
    rm -rf "$asked"
    cp -a "$LAB/asks.before" "$asked"
    board asks
    start_cut "$at" || break
    cuts=$((cuts + 1))
    start
    admitted || break
done
ok "the plug was pulled at $cuts points of an admission; each time the next start went on" admitted
