#!/bin/bash
# The state partition takes the rest of the card, wherever it begins and however large the card is: the function of
# the board's first program, run by the shell that runs it there, on files.
. "$(dirname "$0")/../e2e/lib.sh"
lab_begin
sed -n '/^grow() {/,/^}/p' boards/common/init >"$LAB/grow"
mkdir -p "$LAB/bin" "$LAB/block/card"
busybox --install -s "$LAB/bin"

# end_of_third BEGIN SECTORS: of a card with so many sectors, after the board grew the partition that begins there.
end_of_third() {
    local card=$LAB/card
    rm -f "$card"
    truncate -s $(($2 * 512)) "$card"
    sfdisk -q --no-reread "$card" >/dev/null <<TXT || return
label: dos
start=8192, size=8192, type=c
start=16384, size=8192, type=83
start=$1, size=65536, type=83
TXT
    echo "$2" >"$LAB/block/card/size"
    PATH=$LAB/bin DEV=$LAB SYS=$LAB "$LAB/bin/sh" -c '. "$1" && grow card 2>/dev/null' sh "$LAB/grow"
    sfdisk -d "$card" | sed -nE 's/.*card3 : start= *([0-9]+), size= *([0-9]+),.*/\1 \2/p' | {
        read -r begin size
        [ "$begin" = "$1" ] && echo $((begin + size))
    }
}

for begin in 98304 237568 266240 303104 524288 15728640; do
    for sectors in 16777216 62333952 1000215216; do
        ok "from sector $begin to the end of $sectors" [ "$(end_of_third $begin $sectors)" = $sectors ]
    done
done
ok "a card that is hardly larger is left alone" [ "$(end_of_third 98304 $((98304 + 65536 + 16000)))" = $((98304 + 65536)) ]
finish
