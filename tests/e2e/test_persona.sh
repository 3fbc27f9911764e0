#!/bin/bash
# Personas over restarts, and private channels by link and by QR code.
. "$(dirname "$0")/lib.sh"
lab_begin
lab_network A B
lab_line A B
node_up A && node_up B || exit 1
wait_until 30 links_up A 1 || give_up "A and B are neighbours"
persona A alice
persona B bob
at B persona create eve >/dev/null
ok "they know each other" wait_until 30 knows A bob
as() { # NODE NICK COMMAND…
    local node=$1 nick=$2
    shift 2
    at "$node" "$@" --as "$nick"
}
heard_as() { # NODE NICK TEXT: how often that persona has it
    as "$1" "$2" inbox --all --peek --json | jq --arg text "$3" \
        '[.messages[] | select((.outgoing | not) and .text == $text)] | length'
}
has_heard() {
    [ "$(heard_as "$@")" = 1 ]
}
state_of() { # TEXT: what alice may believe of it
    at A inbox --all --peek --json |
        jq -r --arg text "$1" '.messages[] | select(.outgoing and .text == $text) | .state'
}
has_state() {
    [ "$(state_of "$1")" = "$2" ]
}

# ---- A private channel ----
at A channels create plans --qr >"$LAB/qr" 2>"$LAB/qr-notes"
link=$(head -n 1 "$LAB/qr")
ok "alice makes a private channel, and its link is printed" [ "${link#starling:channel/plans\#}" != "$link" ]
# Two rows of modules are a row of blocks; five pixels a module.
as_image() {
    tail -n +2 "$1" | sed 's/ /00,/g; s/▀/10,/g; s/▄/01,/g; s/█/11,/g' | awk -F, '
        {for (half = 1; half <= 2; half++) {
            line = ""
            for (i = 1; i < NF; i++) {
                bit = substr($i, half, 1)
                line = line bit " " bit " " bit " " bit " " bit " "
            }
            for (i = 0; i < 5; i++) rows[count++] = line
        } width = (NF - 1) * 5}
        END {print "P1"; print width, count; for (i = 0; i < count; i++) print rows[i]}'
}
if command -v zbarimg >/dev/null; then
    as_image "$LAB/qr" >"$LAB/qr.pbm"
    ok "its QR code says the same" [ "$(zbarimg -q --raw --nodbus "$LAB/qr.pbm")" = "$link" ]
else
    skip "reading the QR code: zbarimg is missing"
fi
at A send '#plans' 'before bob came' >/dev/null
ok "bob joins with the link" as B bob channels join "$link"
ok "eve has no way in by the name" as B eve channels join plans
at A send '#plans' 'for those with the link' >/dev/null
ok "bob hears what is said" wait_until 30 has_heard B bob 'for those with the link'
ok "and what was said before" wait_until 30 has_heard B bob 'before bob came'
ok "eve hears neither" [ "$(as B eve inbox --all --peek --json | jq '.messages | length')" = 0 ]

# ---- Restarts ----
at A send bob 'while you are here' --wait delivered --timeout 30 >/dev/null
ok "a direct message is delivered" has_state 'while you are here' delivered
as B bob inbox >/dev/null
ok "and read" wait_until 30 has_state 'while you are here' read
node_kill B
node_up B || exit 1
wait_until 30 links_up A 1
ok "who lived in memory is gone" says 'no persona|eve' as B eve inbox
ok "who was kept has to be unlocked" says 'unlock' as B bob inbox
at A send bob 'while you are locked' >/dev/null
ok "what is sent meanwhile gets as far as another node" \
    wait_until 30 has_state 'while you are locked' relayed
ok "and no further" holds_on 2 has_state 'while you are locked' relayed
ok "the passphrase brings bob back" unlock B bob
ok "then it is delivered" wait_until 30 has_state 'while you are locked' delivered
ok "bob's history is whole" has_heard B bob 'while you are here'
ok "so is that of the channel" has_heard B bob 'for those with the link'
ok "he is still in it" says 'plans +private' as B bob channels
at A send '#plans' 'welcome back' >/dev/null
ok "and hears what is said there" wait_until 30 has_heard B bob 'welcome back'
ok "what was read is not shown as new" [ "$(as B bob inbox --peek --json |
    jq '[.messages[] | select(.text == "while you are here")] | length')" = 0 ]

ok "forgetting asks, and without a terminal does nothing" fails at B persona forget bob
ok "forgetting destroys" at B persona forget bob --yes
node_down B
node_up B || exit 1
ok "nobody is left to unlock" fails unlock B bob
finish
