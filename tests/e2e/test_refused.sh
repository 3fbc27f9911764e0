#!/bin/bash
# Who is not a member stays outside, is counted with the reason, and costs no memory.
. "$(dirname "$0")/lib.sh"
lab_begin
lab_network A B revoked
lab_place expired
for node in B expired revoked; do lab_link A $node; done

# Another organiser's node.
STARLING_NETWORK=$LAB/other "$BUILD/starling" network create other --folder "$LAB/other" >/dev/null
STARLING_NETWORK=$LAB/other "$BUILD/starling" node add foreign >/dev/null
cp -r "$LAB/other/nodes/foreign" "$LAB/network/nodes/foreign"
lab_place foreign
lab_link A foreign
# The same, but whoever runs it got hold of the network secret.
cp -r "$LAB/other/nodes/foreign" "$LAB/network/nodes/thief"
cp "$LAB/network/network.key" "$LAB/network/nodes/thief/network.key"
lab_place thief
lab_link A thief

# A certificate of three seconds.
at A node add expired --valid-for 3s >>"$LAB/network.log"
sleep 4

node_up A || exit 1
node_up B || exit 1
ok "a member gets a link" wait_until 20 links_up A 1

for node in foreign thief expired; do
    node_up $node || echo "node $node: did not start"
done
ok "a foreign node is refused and counted" wait_until 20 refused_some A foreign
ok "an expired certificate is refused and counted" wait_until 20 refused_some A expired
ok "neighbours says so in words" says 'of another network' at A neighbours
ok "and of the expired one too" says 'expired' at A neighbours

node_up revoked
ok "a node before its revocation is a neighbour" wait_until 20 links_up A 2
STARLING_SOCKET=$LAB/A.sock "$BUILD/starling" network revoke revoked >"$LAB/revoke.log"
two_links_gone() {
    ! links_up A 2
}
ok "once revoked it loses its link at once" wait_until 5 two_links_gone
ok "the reason is counted" wait_until 30 refused_some A revoked
ok "the other member hears of it over the mesh" wait_until 20 \
    says '"store"' at B status --json
ok "the member keeps its link" links_up A 1

# Strangers: DTLS from openssl, and random bytes.
before=$(rss A)
if [ "$LAB_NETNS" = yes ]; then
    address=$(ip -n "$LAB_TAG-A" -6 addr show dev to-B scope link | awk '/inet6/ {split($2, a, "/"); print a[1]; exit}')%to-A
    port=17017
    udp_to="UDP6-SENDTO:[$address]:$port"
    target="[$address]:$port"
    where="inside B"
else
    target="127.0.0.1:${NODE_PORT[A]}"
    where=""
fi
answer=$($where timeout 5 openssl s_client -dtls1_2 -connect "$target" </dev/null 2>&1 | head -c 2000)
ok "openssl s_client -dtls gets nothing" grep -qE 'no peer certificate available|read 0 bytes|errno|timed out' <<<"${answer:-read 0 bytes}"
ok "and no certificate" [ "$(grep -c 'BEGIN CERTIFICATE' <<<"$answer")" = 0 ]

noise() {
    local i host=${target%:*} udp_port=${target##*:}
    host=${host#[}
    host=${host%]}
    for ((i = 0; i < 3000; i++)); do
        head -c $((RANDOM % 1300)) /dev/urandom >"/dev/udp/$host/$udp_port" 2>/dev/null
    done
}
export -f noise
export target
$where bash -c noise
sleep 1
after=$(rss A)
echo "memory of A: $before kB before, $after kB after strangers"
ok "strangers cost less than 600 kB" [ $((after - before)) -lt 600 ]
ok "garbage is counted" [ "$(at A status --json | jq '.counters.rejected_garbage')" -ge 1000 ]
ok "A still has its member" links_up A 1
finish
