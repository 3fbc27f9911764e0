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
dim=""
plain=""
if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then
    bold=$(tput bold 2>/dev/null)
    dim=$(tput dim 2>/dev/null)
    plain=$(tput sgr0 2>/dev/null)
fi
failures=0
step() {
    printf '\n%s%s%s\n' "$bold" "$1" "$plain"
}
say() {
    printf '  %s\n' "$1"
}
# check TEXT COMMAND…
check() {
    local text=$1
    shift
    if "$@"; then
        echo "  ✓ $text"
    else
        echo "  ✗ WRONG: $text"
        failures=$((failures + 1))
    fi
}
indent() {
    sed 's/^/    /'
}
# shows NODE COMMAND…: a command as one types it at that board, and what it prints.
shows() {
    local node=$1
    shift
    printf '  %sat %s$%s starling %s\n' "$dim" "$node" "$plain" "$*"
    at "$node" "$@" | indent
}
# texts_are NODE NICK CHANNEL LIST: everything once, intact, in order.
texts_are() {
    [ "$(heard "$1" "$2" "$3")" = "$(jq -c . <<<"$4")" ]
}
# watch NODE WHO: prints in the background what comes in there, as it comes; long texts shortened.
watch() {
    STARLING_SOCKET=$LAB/$1.sock "$BUILD/starling" inbox --follow --peek --json 2>/dev/null |
        jq --unbuffered -r --arg who "$2" '
            (.text | gsub("\n"; " ")) as $text |
            "    \($who) reads \(if .channel then "#\(.channel) " else "" end)\(.from.nick): " +
            if ($text | length) > 72
            then "\($text[:72])… (\(.text | length) characters)" else $text end' &
    watchers+=($!)
}
watchers=()
stop_watching() {
    sleep 0.3
    { kill "${watchers[@]}" $(jobs -p | grep -vxF "$(printf '%s\n' "${NODE_PID[@]}")"); } 2>/dev/null
    { wait "${watchers[@]}"; } 2>/dev/null
    watchers=()
}
state_of() { # TEXT: what alice may believe of it
    at A inbox --all --peek --json |
        jq -r --arg text "$1" '[.messages[] | select(.outgoing and .text == $text) | .state][0]'
}
# follow_state TEXT FROM TO: prints the states of alice's message as they are earned.
follow_state() {
    local end=$((SECONDS + 30)) state=$2 now
    while [ "$state" != "$3" ] && [ $SECONDS -lt $end ]; do
        now=$(state_of "$1")
        case $now in
        "$state") sleep 0.03 && continue ;;
        queued) say '  queued:    it is on the disk of A' ;;
        relayed) say '  relayed:   another board has it' ;;
        delivered) say "  delivered: carol's board opened it" ;;
        read) say '  read:      carol looked at it' ;;
        esac
        state=$now
    done
    [ "$state" = "$3" ]
}
is_in_step() { # NODE: with all its neighbours
    at "$1" neighbours --json | is_true '[.neighbours[] | select(.state == "up")] | all(.in_sync)'
}

lab_begin
step "1. A network called 'square', and three boards in line: A – B – C"
lab_network A B C || exit 1
lab_line A B C
grep -E '^(Network|Node)' "$LAB/network.log" | indent
if [ $LAB_NETNS = yes ]; then
    say "Each board is a network namespace with its own interfaces; A and C share no link."
else
    say "The boards use loopback (as root they would get network namespaces); A and C do not know"
    say "each other's address."
fi
for node in A B C; do
    node_up $node || exit 1
done
check "B found A and C" wait_until 30 links_up B 2
check "A has a link to B and to nobody else" links_up A 1

step "2. alice sits at A, carol at C"
persona A alice
persona C carol
check "carol is heard at A, through B" wait_until 30 knows A carol
check "alice is heard at C" wait_until 30 knows C alice

step "3. They chat in #general, in several scripts, both at once"
from_alice=$(texts_json "$TEXTS/latin.txt" "$TEXTS/arabic.txt" "$TEXTS/long.txt")
from_carol=$(texts_json "$TEXTS/chinese.txt" "$TEXTS/emoji.txt")
watch A alice
watch C carol
sleep 0.2
send_all A '#general' "$from_alice" &
sending=$!
send_all C '#general' "$from_carol"
wait $sending
wait_until 30 heard_count C alice general "$(jq length <<<"$from_alice")"
wait_until 30 heard_count A carol general "$(jq length <<<"$from_carol")"
stop_watching
check "carol has all $(jq length <<<"$from_alice") of alice's, once, intact, in order" \
    texts_are C alice general "$from_alice"
check "alice has all $(jq length <<<"$from_carol") of carol's, once, intact, in order" \
    texts_are A carol general "$from_carol"
at C inbox >/dev/null

step "4. A direct message, sealed to carol, and what alice may believe of it"
direct="carol, this is for you alone: the key is under the third stone 🗝️"
shows A send carol "$direct" | head -n 1
check "it arrives" follow_state "$direct" "" delivered
shows C inbox
check "and alice learns that it was read" follow_state "$direct" delivered read
check "once, intact" texts_are C alice "" "$(jq -nc --arg text "$direct" '[$text]')"

step "5. C is switched off, and alice writes 20 messages meanwhile"
check "C stops cleanly" node_down C
missed=$(jq -nc '[range(1; 21) | "while you were away, number \(.)"]')
send_all A '#general' "$missed"
from_alice=$(jq -c ". + $missed" <<<"$from_alice")
say "C is switched on again; carol unlocks her persona with her passphrase."
node_up C || exit 1
began=$(date +%s%N)
unlock C carol
wait_until 60 heard_count C alice general "$(jq length <<<"$from_alice")"
took=$((($(date +%s%N) - began) / 1000000))
check "she caught up in $took ms: all of it once, intact, in order" texts_are C alice general "$from_alice"
check "and has her own history" [ "$(at C inbox --all --peek --json |
    jq '[.messages[] | select(.outgoing)] | length')" = "$(jq length <<<"$from_carol")" ]

step "6. B, the relay between them, is killed (SIGKILL) in mid-traffic"
more=$(jq -nc '[range(1; 61) | "past the broken board, number \(.)"]')
send_all A '#general' "$more" &
sending=$!
past_board_b() {
    heard_count C alice general $(($(jq length <<<"$from_alice") + 15))
}
wait_until 30 past_board_b
node_kill B
got=$(($(heard C alice general | jq length) - $(jq length <<<"$from_alice")))
say "Killed. $got of 60 messages had reached carol; alice goes on writing."
wait $sending
node_up B || exit 1
say "B is back."
from_alice=$(jq -c ". + $more" <<<"$from_alice")
wait_until 60 heard_count C alice general "$(jq length <<<"$from_alice")"
check "nothing was lost, doubled or disordered" texts_are C alice general "$from_alice"
check "what alice has of carol's is whole too" texts_are A carol general "$from_carol"

step "7. B looks at itself, and around"
wait_until 30 links_up B 2
wait_until 30 is_in_step B
shows B status
shows B neighbours

echo
if [ $failures -gt 0 ]; then
    echo "${bold}$failures checks failed.${plain} The ends of the logs:"
    tail -n 5 "$LAB"/?.log
    exit 1
fi
echo "${bold}Every message arrived once, intact and in order.${plain}"
if [ -t 0 ] && [ -t 1 ]; then
    cat <<TXT

The three boards stay up. To join in, open another terminal and type

    STARLING_SOCKET=$LAB/A.sock $BUILD/starling chat --as dana

and in a third one

    STARLING_SOCKET=$LAB/C.sock $BUILD/starling chat --as emil

Press Enter here to switch everything off.
TXT
    read -r _
fi
