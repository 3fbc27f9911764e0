#!/bin/bash
# Who comes in and who goes: an invite admits a node without the authority's key; a revocation reaches
# nodes two hops away, and those that were off at the time.
. "$(dirname "$0")/lib.sh"
lab_begin
lab_network A B C D lost
lab_place guest
lab_line A B C lost
lab_link C D
lab_link D lost
lab_link A guest
for node in A B C D lost; do node_up $node || exit 1; done
ok "five nodes are one mesh" wait_until 30 links_up C 3

# ---- An invite ----
export STARLING_NETWORK=$LAB/network
link=$("$BUILD/starling" network invite --for 2h --json | jq -r .link)
ok "the invite is a link" [ "${link#starling:invite/}" != "$link" ]
as_guest() {
    STARLING_NETWORK=$LAB/tent "$BUILD/starling" "$@"
}
as_guest node add guest --invite - <<<"$link" >"$LAB/guest-made.log" 2>&1
ok "whoever has it adds a node" grep -q '^Node guest of network square' "$LAB/guest-made.log"
ok "without the authority's key" [ ! -e "$LAB/tent/ca.key" ]
ok "and can add none without the invite" says 'ca.key|invite' as_guest node add second
ok "a link with a slip in it is refused" says 'invite' as_guest node add second --invite "${link/A/B}"
cp -r "$LAB/tent/nodes/guest" "$LAB/network/nodes/guest"
node_up guest || exit 1
ok "the guest gets a link" wait_until 30 links_up guest 1
persona guest gina
persona D dan
ok "and is heard at the other end" wait_until 30 knows D gina
at guest send '#general' 'hello from the tent' >/dev/null
ok "and its messages arrive there" wait_until 30 heard_count D gina general 1

# ---- A revocation ----
ok "the lost board is a neighbour of C" says '^lost ' at C neighbours
node_down D
revoke() {
    STARLING_SOCKET=$LAB/A.sock "$BUILD/starling" network revoke "$@" >>"$LAB/revoke.log" 2>&1
}
is_neighbour() {
    at "$1" neighbours --json |
        is_true --arg name "$2" '.neighbours | any(.name == $name and .state == "up")'
}
began=$SECONDS
ok "the organiser revokes it at A" revoke lost
ok "C, two hops away, drops it" wait_until 30 none is_neighbour C lost
echo "after $((SECONDS - began)) s"
ok "C counts why" wait_until 60 refused_some C revoked
ok "the lost board stands alone" wait_until 30 none links_up lost 1
ok "C keeps its other neighbour" is_neighbour C B

# D was off, and the first that it meets is the lost board.
node_down C
node_up D || exit 1
ok "D knows nothing yet, and takes the lost board in" wait_until 30 is_neighbour D lost
node_up C || exit 1
ok "once D meets a member it hears, and drops the lost board" wait_until 60 none is_neighbour D lost
ok "D counts why" wait_until 60 refused_some D revoked
ok "D has its member" is_neighbour D C
ok "C, restarted, still remembers" holds_on 3 none is_neighbour C lost

# ---- A revoked invite ----
invite=$("$BUILD/starling" network show --json | jq -r '.issued[] | select(.kind == "invite") | .name')
ok "the organiser takes the invite back ($invite)" revoke "$invite"
ok "and with it goes whom it let in" wait_until 30 none links_up guest 1
ok "A counts why" wait_until 60 refused_some A revoked
ok "A keeps its member" is_neighbour A B
finish
