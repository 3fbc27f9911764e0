#!/bin/bash
# `make demo`: three boards in line on this machine, and people who chat across them.
#
#   tests/e2e/demo.sh BUILD_FOLDER
#
# Ends with status 0 only if every message arrived once, intact and in order per author. On a terminal
# it then stays up until Enter is pressed, so that you can join in.
set -u
STARLING_BUILD=$1
. "$(dirname "$0")/lib.sh"

bold=""
plain=""
if [ -t 1 ]; then
    bold=$(tput bold 2>/dev/null)
    plain=$(tput sgr0 2>/dev/null)
fi
failures=0
step() {
    printf '\n%s%s%s\n' "$bold" "$1" "$plain"
}
# check TEXT COMMAND…
check() {
    local text=$1
    shift
    if "$@"; then
        echo "  ok: $text"
    else
        echo "  WRONG: $text"
        failures=$((failures + 1))
    fi
}
indent() {
    sed 's/^/  | /'
}
# same_texts NODE NICK CHANNEL LIST: everything once, intact, in order.
same_texts() {
    [ "$(heard "$1" "$2" "$3")" = "$(jq -c . <<<"$4")" ]
}
show() {
    at "$1" inbox | indent
}

lab_begin
step "A network called 'square', and three boards in line: A - B - C"
lab_network A B C || exit 1
lab_line A B C
indent <"$LAB/network.log"
if [ $LAB_NETNS = yes ]; then
    echo "  Each board has a network namespace; A and C share no link."
else
    echo "  Not root, so the boards use loopback; A and C do not know each other's address."
fi
for node in A B C; do
    node_up $node || exit 1
done
check "B has a link to A and one to C" wait_until 20 links_up B 2
check "A has one link only" links_up A 1

step "alice sits at A, carol at C"
persona A alice
persona C carol
check "they hear of each other through B" wait_until 20 knows A carol
check "and in the other direction" wait_until 20 knows C alice

step "They chat in #general: four scripts, long and short"
from_alice=$(texts_json "$TEXTS/latin.txt" "$TEXTS/arabic.txt" "$TEXTS/long.txt")
from_carol=$(texts_json "$TEXTS/chinese.txt" "$TEXTS/emoji.txt")
send_all A '#general' "$from_alice" &
sending=$!
send_all C '#general' "$from_carol"
wait $sending
wait_until 20 heard_count C alice general "$(jq length <<<"$from_alice")"
wait_until 20 heard_count A carol general "$(jq length <<<"$from_carol")"
check "carol has all of alice's, once, intact, in order" same_texts C alice general "$from_alice"
check "alice has all of carol's, once, intact, in order" same_texts A carol general "$from_carol"
echo "  What carol sees:"
show C | head -n 14

step "A direct message, and what alice may believe of it"
direct="carol, this is for you alone: the key is under the third stone 🗝️"
at A send carol --wait delivered --timeout 20 "$direct" | indent
check "delivered" [ "${PIPESTATUS[0]}" = 0 ]
show C
sleep 1.5
state=$(at A inbox --all --peek --json |
    jq -r --arg text "$direct" '.messages[] | select(.text == $text) | .state')
check "carol has read it, and alice knows ($state)" [ "$state" = read ]

step "C is switched off; alice writes 20 messages meanwhile"
check "C stops cleanly" node_down C
missed=$(jq -nc '[range(1; 21) | "while you were away, number \(.)"]')
send_all A '#general' "$missed"
at A status | indent
echo "  C is switched on again."
node_up C || exit 1
unlock C carol
from_alice=$(jq -c ". + $missed" <<<"$from_alice")
wait_until 30 heard_count C alice general "$(jq length <<<"$from_alice")"
check "carol caught up, once, intact, in order" same_texts C alice general "$from_alice"

step "B, the relay, loses power in mid-traffic"
more=$(jq -nc '[range(1; 41) | "past the broken board, number \(.)"]')
send_all A '#general' "$more" &
sending=$!
sleep 0.4
node_kill B
echo "  B was killed. alice goes on writing."
wait $sending
node_up B || exit 1
echo "  B is back."
from_alice=$(jq -c ". + $more" <<<"$from_alice")
wait_until 40 heard_count C alice general "$(jq length <<<"$from_alice")"
check "nothing was lost, doubled or disordered" same_texts C alice general "$from_alice"
check "alice's view of carol is whole too" same_texts A carol general "$from_carol"

step "B looks at itself: starling status"
wait_until 10 links_up B 2
at B status | indent
step "B looks around: starling neighbours"
at B neighbours | indent

echo
if [ $failures -gt 0 ]; then
    echo "$failures checks failed."
    exit 1
fi
echo "Every message arrived once, intact and in order."
if [ -t 0 ] && [ -t 1 ]; then
    cat <<TXT

The three boards stay up. To join in, open another terminal and type
    STARLING_SOCKET=$LAB/A.sock $BUILD/starling chat '#general' --as dana
and in a third one
    STARLING_SOCKET=$LAB/C.sock $BUILD/starling chat '#general' --as emil
Press Enter here to end.
TXT
    read -r _
fi
