#!/bin/bash
# Ten boards in one cell, and six in a line: each person is heard by all.
. "$(dirname "$0")/lib.sh"
. "$RADIO/../e2e/across.sh"

cell=(A B C D E F G H I J)
line=(K L M N O P)
lab_begin
lab_network "${cell[@]}" "${line[@]}"

crowd() { # NODE…: up, each with a persona
    local node
    for node in "$@"; do
        node_up "$node" || exit 1
        at "$node" persona create "of-$node" >/dev/null
    done
}
quiet() {
    local node
    for node in "$@"; do
        node_down "$node"
    done
}

# ---- One cell ----
wifi_begin 16
wifi_cell "${cell[@]}"
crowd "${cell[@]}"
all_linked() {
    local node
    for node in "${cell[@]}"; do links_up "$node" 1 || return 1; done
}
ok "ten boards in one cell: each has a link" wait_until 60 all_linked
at A send '#general' 'to nine others' >/dev/null
ok "all nine hear the first" wait_until 60 everybody_hears 'to nine others' A "${cell[@]}"
at J send '#general' 'from the last' >/dev/null
ok "and the last" wait_until 60 everybody_hears 'from the last' J "${cell[@]}"
direct_across A J of-J
quiet "${cell[@]}"

# ---- A line ----
wifi_line "${line[@]}"
crowd "${line[@]}"
at K send '#general' 'to the other end' >/dev/null
ok "a line of six: the last hears the first" wait_until 90 came P 'to the other end'
at P send '#general' 'and back again' >/dev/null
ok "and the first the last" wait_until 60 came K 'and back again'
ok "each has its neighbours only" [ "$(at K status --json | jq .neighbours) $(at M status --json |
    jq .neighbours) $(at P status --json | jq .neighbours)" = "1 2 1" ]
direct_across K P of-P
finish
