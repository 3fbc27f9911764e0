#!/bin/bash
# The end-to-end test of a lossy line, on a kernel that can lose: veth pairs with netem.
. "$(dirname "$0")/lib.sh"
modprobe sch_netem
exec bash "$RADIO/../e2e/test_line.sh"
