#!/bin/bash
# starling flash on block devices, as a card in its reader is one: loop devices, which need root. What is refused,
# what is written, and a card that is pulled out half-way.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/toy_image.sh"
lab_begin
cd "$LAB" || exit 1
starling() { "$BUILD/starling" "$@"; }
flash() { starling flash "$@" --yes >"$LAB/said" 2>&1; }
says() { grep -qE -- "$1" "$LAB/said"; }

# insert FILE [OPTION…]: CARD is that file as a card. It is gone when this script has ended, however it ends.
insert() {
    CARD=$(losetup --find --show "$@" 2>/dev/null) || return
    exec 7<"$CARD"
    partx -u "$CARD" 2>/dev/null # an empty card has no partitions
    losetup --detach "$CARD"
}
eject() {
    exec 7<&-
}

make_image plain.img
zstd -q plain.img -o packed.img.zst
starling network create square --folder "$LAB/network" >/dev/null
for node in north south east west; do starling node add $node >/dev/null; done

truncate -s 64M card.img
insert card.img || { skip "cards: this machine gives no loop devices" && exit 0; }
ok "a card is written" flash packed.img.zst "$CARD" --node north
ok "and has its node's keys" cmp -s <(mcopy -n -i card.img@@4M ::starling/node.key -) "$LAB/network/nodes/north/node.key"
ok "the list shows it" eval 'starling flash --list | grep -q "^$CARD .* yes"'
eject
insert card.img
flash packed.img.zst "${CARD}p1" --node south
ok "a partition is no card" says 'is a partition; name the whole card'
if mke2fs -q "${CARD}p3" && mkdir folder && mount "${CARD}p3" folder; then
    flash packed.img.zst "$CARD" --node south
    ok "a card that is mounted is refused, and it is said where" says "mounted on .*folder; unmount it first"
    ok "it stands in the list, too" eval 'starling flash --list | grep -q "^$CARD .*mounted on"'
    umount folder
else
    skip "a card that is mounted: nothing can be mounted here"
fi
eject

insert card.img --read-only
flash packed.img.zst "$CARD" --node south
ok "a card that is write-protected is refused" says 'is write-protected: move the slider'
eject
truncate -s 10M small.img
insert small.img
flash packed.img.zst "$CARD" --node south
ok "a card that is too small is refused" says 'is too small: it has 10 MiB, the image needs 20'
eject
ok "none of them has cost south its identity" test ! -e "$LAB/network/nodes/south/.flashed"

# Half-way the device answers every write with an error, as a card does that is not there any more.
mkdir reader
if mount -t tmpfs -o size=3M tmpfs reader 2>/dev/null && truncate -s 64M reader/card.img && insert reader/card.img; then
    flash packed.img.zst "$CARD" --node south
    ok "a card that is pulled out half-way is told of" says 'pulled out, or is worn out; put it back and add --resume'
    ok "it does not look like a whole one" none grep -q . <(head -c 512 reader/card.img | tr -d '\0')
    ok "and south's keys never came near it" test ! -e "$LAB/network/nodes/south/.flashed"
    mount -o remount,size=64M reader
    ok "put back, it is gone on with" flash packed.img.zst "$CARD" --node south --resume --json
    written=$(jq '.cards[0].written' said)
    ok "without what was written already" test "$written" -gt 0 -a "$written" -lt $((5 << 20))
    ok "it is as the image" cmp -s -i $((12 << 20)) -n $((8 << 20)) reader/card.img plain.img
    ok "and has south's keys" cmp -s <(mcopy -n -i reader/card.img@@4M ::starling/node.key -) "$LAB/network/nodes/south/node.key"
    eject
else
    skip "a card that is pulled out half-way: nothing can be mounted here"
fi

truncate -s 64M one.img two.img
insert one.img && first=$CARD && exec 8<"$first" && insert two.img
ok "two cards at once" flash packed.img.zst "$first" "$CARD" --node east,west
ok "each with its own node" eval 'for pair in one:east two:west; do
    mcopy -n -i ${pair%:*}.img@@4M ::starling/node.crt - | cmp - "$LAB/network/nodes/${pair#*:}/node.crt" || exit 1; done'
