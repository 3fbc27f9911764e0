#!/bin/bash
# Three boards in line on Wi-Fi ad hoc: the outer two hear only the one between them.
. "$(dirname "$0")/lib.sh"
. "$RADIO/../e2e/across.sh"

ends_are_apart() {
    links_up A 1 && links_up C 1 && none links_up A 2 && none links_up C 2
}
lab_begin
lab_network A B C
wifi_begin 3
wifi_line A B C
for node in A B C; do node_up $node || exit 1; done
ok "the middle links to both" wait_until 60 links_up B 2
ok "the ends have one link each" holds_on 2 ends_are_apart
talk_across A C
finish
