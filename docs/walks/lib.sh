# Helpers of the walks: run a command, and compare what it did with what the documentation says.
# Sourced by the scripts next to it; it expects BIN, and leaves nothing behind.

# absolute PATH: the path from the root, because the walks change into a folder of their own.
absolute() {
    case $1 in
    /*) echo "$1" ;;
    *) echo "$PWD/$1" ;;
    esac
}

BIN=$(absolute "${BIN:?set BIN to the path of fortilake}")
PYTHON=$(absolute "$(command -v "${PYTHON:-python3}")")
if [ ! -x "$BIN" ]; then
    echo "BIN is $BIN, which is no program" >&2
    exit 2
fi

work=$(mktemp -d)
simulator=
clean_up() {
    stop_simulator
    rm -rf "$work"
}
trap clean_up EXIT
cd "$work"
# Settings of the person who runs this must not change the result.
unset FORTICLOUD_USERNAME FORTICLOUD_PASSWORD FORTICLOUD_AUTH_URL FORTICLOUD_API_URL
export FORTILAKE_STATE="$work/state"

step() {
    echo "-- $*"
}

fail() {
    echo "FAILED: $*" >&2
    if [ -f log ]; then
        sed 's/^/    /' log >&2
    fi
    exit 1
}

# expect CODE COMMAND...: runs the command with its output in the file `log`.
expect() {
    expected=$1
    shift
    code=0
    "$@" >log 2>&1 || code=$?
    [ "$code" = "$expected" ] || fail "\`$*\` ended with $code instead of $expected"
}

# says TEXT: the last command printed this text.
says() {
    grep -Fq -- "$1" log || fail "the output does not contain: $1"
}

# wait_for FILE TEXT: waits until a file contains this text.
wait_for() {
    patience=300
    until grep -Fq -- "$2" "$1" 2>/dev/null; do
        patience=$((patience - 1))
        [ "$patience" -gt 0 ] || fail "$1 does not contain: $2"
        sleep 0.1
    done
}

# start_simulator ADDRESS [OPTION...]: serves the simulator and writes `.env`.
start_simulator() {
    address=$1
    shift
    rm -f .env
    "$BIN" simulate --listen "$address" "$@" >.env 2>simulator.log &
    simulator=$!
    wait_for .env FORTICLOUD_PASSWORD
}

stop_simulator() {
    if [ -n "$simulator" ]; then
        kill "$simulator" 2>/dev/null || true
        wait "$simulator" 2>/dev/null || true
        simulator=
    fi
}

# setting NAME: the value that the simulator wrote to `.env`.
setting() {
    sed -n "s/^$1=//p" .env
}
