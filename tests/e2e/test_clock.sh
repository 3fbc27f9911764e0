#!/bin/bash
# Boards without a clock: they start all the same, take the time from the neighbours, and judge
# certificates by it as soon as they have it.
. "$(dirname "$0")/lib.sh"
lab_begin
lab_network A B C
lab_place expired
lab_line A B C
lab_link B expired
"$BUILD/starling" node add expired --valid-for 1s >>"$LAB/network.log"
NODE_EXTRA[A]='[clock]\nsystem = trusted\n'
for node in B C expired; do
    NODE_EXTRA[$node]='[clock]\nsystem = ignored\n'
done
sleep 2

clock_is() { # NODE SOURCE
    [ "$(at "$1" status --json | jq -r .clock.source)" = "$2" ]
}
is_right() { # NODE
    local unix
    unix=$(at "$1" status --json | jq .clock.unix)
    jq -en --argjson unix "${unix:-0}" --argjson now "$(date +%s)" '($unix - $now) | fabs < 5' >/dev/null
}
for node in B C expired; do node_up $node || exit 1; done
ok "a board without a clock says so" says 'not set' at B status
ok "and has links: nothing is judged" wait_until 30 links_up B 2
ok "not even an expired certificate" says '^expired ' at B neighbours
persona C carol
ok "people can write" at C send '#general' 'before anybody knew the time'

node_up A || exit 1
ok "A knows the time" clock_is A ntp
ok "B takes it from A" wait_until 30 clock_is B neighbours
ok "and has it right" is_right B
ok "C takes it from B" wait_until 30 clock_is C neighbours
ok "and has it right too" is_right C
ok "now the expired certificate is refused" wait_until 60 refused_some B expired
is_linked() {
    at B neighbours --json | is_true '.neighbours | any(.name == "expired" and .state == "up")'
}
ok "and its link is gone" wait_until 30 none is_linked
persona A alice
ok "what was written before arrives" wait_until 30 heard_count A carol general 1
at A send '#general' 'what time is it?' >/dev/null
at C send '#general' 'later' >/dev/null
ok "and so does what is written after" wait_until 30 heard_count A carol general 2
ok "in order" [ "$(heard A carol general)" = '["before anybody knew the time","later"]' ]

# The last known time outlives a restart; alone, a board goes on from it and says so.
node_down A
node_down C
node_down B
node_up B || exit 1
ok "after a restart B goes on from the last time known" says 'not sure.*last one known' at B status
finish
