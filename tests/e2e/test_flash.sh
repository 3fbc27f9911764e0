#!/bin/bash
# starling flash on image files: each card gets the image and one identity, whole and read back, and no
# identity goes onto two.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/toy_image.sh"
lab_begin
cd "$LAB" || exit 1
starling() { "$BUILD/starling" "$@"; }
flash() { starling flash "$@" >"$LAB/said" 2>&1; }
says() { grep -qE -- "$1" "$LAB/said"; }
make_image plain.img
zstd -q plain.img -o packed.img.zst
on_card() { # IMAGE FILE: from the folder of the bundle on the card
    mcopy -n -i "$1@@4M" "::starling/$2" - 2>/dev/null
}
# same_but_boot A B: the cards are alike outside the boot partition.
same_but_boot() {
    cmp -s -n $((4 << 20)) "$1" "$2" && cmp -s -i $((12 << 20)) "$1" "$2"
}

starling network create square --folder "$LAB/network" >/dev/null
for node in north south east west; do starling node add $node >/dev/null; done
nodes=$LAB/network/nodes

ok "two cards at once, from a packed image" flash packed.img.zst one.img two.img --to-file --node north,south
ok "it says which board the image is for" says 'for: A board \(toy\)'
ok "each is as the image" same_but_boot one.img plain.img
ok "both are" same_but_boot two.img plain.img
for pair in one:north two:south; do
    for file in node.key node.seed node.crt ca.crt network.key; do
        on_card "${pair%:*}.img" $file | cmp -s - "$nodes/${pair#*:}/$file" || echo "$pair $file" >>differs
    done
done
ok "and has exactly its node's bundle" test ! -e differs
bundle_sums() {
    mkdir back && mcopy -n -i one.img@@4M '::starling/*' back/ && (cd back && sha256sum --status -c sums)
}
ok "whose sums are right" bundle_sums
ok "and which holds nothing but the bundle" test "$(ls back | wc -l)" = "$(($(ls "$nodes/north" | wc -l) + 1))"

flash packed.img.zst three.img --to-file --node north
ok "an identity does not go onto a second card" says 'north is on a card already'
ok "which is then not touched" test ! -e three.img
ok "unless its card is in one's hand" flash plain.img one.img --to-file --node north --again
mv "$nodes/south/.flashed" kept && mkdir "$nodes/south/.flashed"
flash packed.img.zst three.img --to-file --node south
ok "nor when what is known of that cannot be read" says 'south is on a card already: its note cannot be read'
rmdir "$nodes/south/.flashed" && mv kept "$nodes/south/.flashed"
flash packed.img.zst three.img four.img --to-file --node east,east
ok "nor onto two at once" says 'named twice'
flash packed.img.zst three.img four.img --to-file --node east
ok "a node for each card" says '1 nodes for 2 cards'
flash packed.img.zst three.img --to-file --node nobody
ok "an unknown node is told of" says 'nobody is no node'
starling network revoke west >/dev/null
flash packed.img.zst three.img --to-file --node west
ok "so is one that was revoked" says 'west was revoked'
starling node add brief --valid-for 1s >/dev/null
sleep 2
flash packed.img.zst three.img --to-file --node brief
ok "and one that has expired" says 'brief has expired'

# A card that was used: what the image leaves empty is empty on it afterwards.
head -c 20M /dev/urandom >used.img
ok "a card that held something else" flash packed.img.zst used.img --to-file --resume
ok "becomes as the image, byte for byte" cmp -s used.img plain.img

head -c 100000 packed.img.zst >cut.zst
flash cut.zst three.img --to-file --node east
ok "an image that was cut off is told of" says 'damaged or cut off'
ok "and the card gets no identity" none on_card three.img node.key
ok "so that another may" flash packed.img.zst three.img --to-file --node east --resume
cp packed.img.zst damaged.zst
printf '\xff\xff\xff\xff' | dd of=damaged.zst bs=1 seek=1000000 conv=notrunc status=none
starling node add lamp >/dev/null
flash damaged.zst four.img --to-file --node lamp
ok "an image that is damaged is told of" says 'damaged or cut off'
flash /etc/passwd four.img --to-file
ok "what is no image is told of" says 'no image of Starling'
flash nothing.img four.img --to-file
ok "what is not there is told of" says 'nothing.img cannot be read'

ok "without a node the board makes its own keys" flash plain.img five.img --to-file
ok "the card is as the image" cmp -s five.img plain.img
starling node request "$LAB/request" >/dev/null
starling node admit "$LAB/request/request.txt" --name kiosk >/dev/null
flash plain.img six.img --to-file --node kiosk
ok "whose card is not written again: the only copy of its keys is there" says 'keys itself.*on its card only'
ok "and it is said how the answer gets there" says 'kiosk/answer into the folder .starling. of'
ok "nothing was written" test ! -e six.img

# A full disk: what was begun is told of and may go on.
if mkdir small && mount -t tmpfs -o size=2M tmpfs small 2>/dev/null; then
    flash plain.img small/card.img --to-file --node lamp
    ok "a card that is too small is told of" says 'too small|No space'
    umount small
else
    skip "a card that is too small" "mounting is not allowed here"
fi
flash plain.img "/dev/$(basename "$(findmnt -no SOURCE / 2>/dev/null || echo nodisk)")" --node lamp
ok "the disk that this system runs from is refused" says 'runs here|is in use|is a partition|is no disk'
mv "$nodes/lamp/node.seed" seed
flash packed.img.zst part.img --to-file --node lamp
ok "a bundle that lacks a key is refused" says 'is not whole: there is no .*/node.seed'
mv seed "$nodes/lamp/node.seed"
flash packed.img.zst /dev/null --node lamp
ok "so is what is no disk" says '/dev/null is no disk'
flash plain.img
ok "wrong use says how it is used" says 'name the image and the cards'
starling flash --list >list 2>&1
ok "the list of cards works without any" test -s list

# ---- The sheet for the box ----

ok "a sheet for the box of a node" starling sheet north --out north.svg
ok "has its name" grep -q '>north</text>' north.svg
link=$(starling network invite --json | sed -n 's/.*"link": "\([^"]*\)".*/\1/p')
ok "with an invite if wanted" starling sheet north --invite "$link" --out invite.svg
ok "until when it holds" grep -qE '>Until 20[0-9-]+ [0-9:]+, who can read this code' invite.svg
ok "whose code is drawn" grep -q '<path d="M' invite.svg
ok "for the organiser's eyes only" test "$(stat -c %a invite.svg)" = 600
starling sheet north --out north.svg >said 2>&1
ok "no file is overwritten" says 'is there already'
starling network create other --folder "$LAB/other" >/dev/null
foreign=$(starling network invite --network "$LAB/other" --json | sed -n 's/.*"link": "\([^"]*\)".*/\1/p')
starling sheet north --invite "$foreign" --out x.svg >said 2>&1
ok "an invite of another network is refused" says 'of another network'
starling sheet west --out x.svg >said 2>&1
ok "a revoked node gets none" says 'west was revoked'
