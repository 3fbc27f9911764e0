#!/bin/bash
# What --help, the manual and the completion say of commands and options is the same.
. "$(dirname "$0")/lib.sh"
lab_begin
TOOLS=$(cd "$(dirname "$0")/../../host-tools" && pwd)
. "$TOOLS/starling.bash-completion"

# Words of a help text: commands below "Commands:", options below "Options:".
section() {
    sed -n "/^$1:\$/,/^\$/p" | sed 1d
}
commands_in() {
    section Commands | awk 'NF { print $1 }'
}
options_in() {
    section Options | grep -oP '^ *(-\w, )? *\K--[a-z-]+' | sort
}
in_manual() {
    local command=$1 option
    [ -z "$command" ] || grep -qE "^\.It Cm $command( |\$)" "$TOOLS/starling.1" || return 1
    for option in $(options_in <<<"$2"); do
        grep -qE "Fl -${option#--}( |\$)" "$TOOLS/starling.1" && continue
        echo "the manual lacks $option of 'starling $command'"
        return 1
    done
}
completed() {
    local given
    given=$(_starling_options "$1" | tr ' ' '\n' | sort)
    [ "$given" = "$(options_in <<<"$2")" ] || diff <(echo "$given") <(options_in <<<"$2")
}
# All that can be said of `starling $1`, and then of its parts.
check() {
    local help part
    help=$("$BUILD/starling" $1 --help) || return 1
    ok "starling $1 is in the manual" in_manual "$1" "$help"
    [ -z "$(options_in <<<"$help")" ] || ok "its options are completed" completed "$1" "$help"
    ok "its help fits a terminal" none grep -E '.{96}' <<<"$help"
    for part in $(commands_in <<<"$help"); do
        ok "its part $part is completed" grep -qw -- "$part" <<<"$(_starling_parts "$1")"
        check "${1:+$1 }$part"
    done
}
check ""
finish
