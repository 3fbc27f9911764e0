#!/bin/bash
# Who is not a member of this network stays outside, and is counted with the reason: a node of another
# network, one that stole this network's secret too, and one whose certificate has expired.
. "$(dirname "$0")/lib.sh"
lab_begin
lab_network A B
for node in expired foreign thief; do
    lab_place $node
    lab_link A $node
done
lab_link A B

# Another organiser's node; and the same, but whoever runs it has the network secret.
"$BUILD/starling" network create other --folder "$LAB/other" >"$LAB/other.log"
STARLING_NETWORK=$LAB/other "$BUILD/starling" node add foreign >>"$LAB/other.log"
cp -r "$LAB/other/nodes/foreign" "$LAB/network/nodes/foreign"
cp -r "$LAB/other/nodes/foreign" "$LAB/network/nodes/thief"
cp "$LAB/network/network.key" "$LAB/network/nodes/thief/network.key"
"$BUILD/starling" node add expired --valid-for 1s >>"$LAB/network.log"
sleep 2

node_up A || exit 1
node_up B || exit 1
ok "a member gets a link" wait_until 30 links_up A 1
before=$(rss A)
node_up foreign || exit 1
ok "a foreign node is refused and counted" wait_until 30 refused_some A foreign
ok "neighbours says so in words" says 'refused: of another network' at A neighbours
ok "its greetings reach no handshake" [ "$(at A status --json | jq .handshakes)" = 0 ]
node_down foreign
sleep 0.2
# Whichever of the two sees the other's certificate first refuses it.
refusals() {
    echo $(($(refused A foreign) + $(refused A by-peer)))
}
before_thief=$(refusals)
more_refusals() {
    [ "$(refusals)" -gt "$before_thief" ]
}
node_up thief || exit 1
ok "so is one that has this network's secret, but not its authority's signature" wait_until 30 more_refusals
node_up expired || exit 1
ok "an expired certificate is refused" wait_until 30 refused_some A expired
ok "neighbours says so too" says 'refused: certificate expired' at A neighbours
ok "whose certificate it is learns it from the log" grep -q 'certificate has expired' "$LAB/expired.log"
ok "and from status" says 'expired' at expired status

persona A alice
persona thief mallory
at A send '#general' 'for members only' >/dev/null
ok "A has its member and nobody else" [ "$(at A status --json | jq .neighbours)" = 1 ]
for node in thief expired; do
    ok "$node has no link" [ "$(at $node status --json | jq .neighbours)" = 0 ]
done
knows_nobody_else() {
    at thief people --json | is_true '.people | all(.local)'
}
ok "the thief of the secret hears of nobody" knows_nobody_else
ok "and gets no message" [ "$(heard thief alice general)" = '[]' ]
after=$(rss A)
echo "memory of A: $before kB before, $after kB after"
ok "all of them cost less than 400 kB" [ $((after - before)) -lt 400 ]
finish
