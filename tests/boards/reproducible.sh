#!/bin/bash
# The same source and packages give the same bytes: builds an image once more, in another folder, later, with another
# time zone, language and file mask, by a user who is not root and whose folder nobody else may look into, and compares
# it with the one that is there.
#
#   tests/boards/reproducible.sh BOARD
set -u
board=$1
image=build/image/starling-$board.img.zst
manifest=build/image/starling-$board.manifest
folder=$(mktemp -d "${TMPDIR:-/tmp}/starling-again.XXXXXX")
trap 'rm -rf "$folder"' EXIT
failed=0
ok() { # TEXT COMMAND…
    local text=$1
    shift
    if "$@"; then
        echo "ok $text"
    else
        echo "not ok $text"
        failed=1
    fi
}

# as_nobody COMMAND…: as a user who has nothing but the folder, and user numbers for namespaces. Only root can become
# one; the files that name users are others for that process only.
as_nobody() {
    [ "$(id -u)" = 0 ] || { env "$@"; return; }
    chown -R 12345:12345 "$folder"
    FOLDER=$folder unshare --mount bash -euc '
        mkdir "$FOLDER/etc"
        cp /etc/passwd "$FOLDER/etc/"
        echo "builder:x:12345:12345::$FOLDER:/bin/sh" >>"$FOLDER/etc/passwd"
        echo "builder:200000:65536" | tee "$FOLDER/etc/subuid" >"$FOLDER/etc/subgid"
        chmod -R a+rX "$FOLDER/etc"
        for file in passwd subuid subgid; do
            mount --bind "$FOLDER/etc/$file" /etc/$file
        done
        exec setpriv --reuid 12345 --regid 12345 --clear-groups "$@"' as_nobody env HOME="$folder" "$@"
}

ok "there is an image to compare with" test -e "$image" -a -e "$manifest" || exit 1
mkdir "$folder/source"
git ls-files -z | cpio --quiet -0pdm "$folder/source"
began=$(sed -n 's/^built-from: //p' "$manifest")
again() {
    cd "$folder/source" && umask 077 && as_nobody SOURCE_DATE_EPOCH="$began" TZ=Asia/Tokyo LC_ALL=C.UTF-8 \
        boards/build "$board" >"$folder/log" 2>&1
}
ok "it is built again, elsewhere, without root" eval '(again)' || tail -n 20 "$folder/log"
same_manifest() {
    diff <(grep -v '^commit: ' "$manifest") <(grep -v '^commit: ' "$folder/source/$manifest")
}
ok "its manifest is the same" same_manifest
ok "byte for byte it is the same image" cmp "$image" "$folder/source/$image"
[ $failed = 0 ] || for part in initrd.img root.tar image.img; do
    cmp "build/image/work/$board/$part" "$folder/source/build/image/work/$board/$part"
done
exit $failed
