#!/bin/sh
# The first day of an operator: configure, check, plan, crawl, stop and resume, verify, replay, and
# see what a crawl refuses. The simulator takes the place of FortiCloud.
#
#   BIN=target/release/fortilake sh docs/walks/operator.sh
set -eu
. "$(dirname "$0")/lib.sh"

# A restarted server does not know the tokens of the one before, and each that it refuses would be
# an error, of which ten are allowed in an hour. `check` replaces them.
sign_in_anew() {
    expect 0 "$BIN" check
}

step "a server that answers slowly enough to be interrupted"
cat >slow.toml <<'TOML'
latency = "150ms"
TOML
start_simulator 127.0.0.1:0 --scenario slow.toml
api_url=$(setting FORTICLOUD_API_URL)
auth_url=$(setting FORTICLOUD_AUTH_URL)
address=${api_url#http://}

step "a configuration with a mistake names the line and the key"
cat >fortilake.toml <<TOML
[[source]]
name = "acme"
type = "forticloud"
usernam = { env = "FORTICLOUD_USERNAME" }
TOML
expect 2 "$BIN" check
says "line 4"
says "did you mean \`username\`?"

step "a password in the configuration is refused, and not repeated"
cat >fortilake.toml <<TOML
[[source]]
name = "acme"
type = "forticloud"
username = { env = "FORTICLOUD_USERNAME" }
password = "correct-horse"
TOML
expect 2 "$BIN" check
says "is in plain text"
if grep -q correct-horse log; then
    fail "the output repeats the password"
fi

step "a configuration that works"
cat >fortilake.toml <<TOML
[[source]]
name = "acme"
type = "forticloud"
username = { env = "FORTICLOUD_USERNAME" }
password = { env = "FORTICLOUD_PASSWORD" }
auth_url = "$auth_url"
api_url = "$api_url"

[[sink]]
type = "parquet"
path = "out"
TOML
expect 0 "$BIN" check
says acme
expect 0 "$BIN" check --json
says '"result": "ok"'

step "what is in effect, and who set it"
expect 0 "$BIN" config show
says "fortilake.toml:2"
says "(FORTILAKE_STATE in the environment)"
says 'concurrency = 8'
expect 0 "$BIN" config schema
says '"title": "fortilake.toml"'

step "a wrong password"
expect 2 env FORTICLOUD_PASSWORD=wrong "$BIN" check
says "the API user or its password is wrong"
says "hint:"

step "an estimate before the first crawl"
expect 0 "$BIN" plan
says "no earlier crawl to estimate from"
expect 0 "$BIN" plan --discover
says "products/list"

step "a crawl that may make 20 calls pauses"
expect 75 "$BIN" crawl --max-calls 20 --summary summary.json
says "run the same command"
grep -q '"exit_code": 75' summary.json || fail "the summary has another exit code"
expect 0 "$BIN" crawls
says paused
[ ! -e out/_fortilake/latest.json ] || fail "a paused crawl published something"

step "the same command continues, and is stopped by SIGTERM"
"$BIN" -vv crawl >crawl.log 2>&1 &
crawl=$!
wait_for crawl.log products/list
kill -TERM "$crawl"
code=0
wait "$crawl" || code=$?
[ "$code" = 130 ] || fail "the stopped crawl ended with $code instead of 130"
grep -q "resuming crawl" crawl.log || fail "the crawl did not resume"

step "the same command again completes the crawl"
expect 0 "$BIN" crawl --summary summary.json --metrics-file fortilake.prom
says "resuming crawl"
grep -q '^fortilake_run_exit_code 0$' fortilake.prom || fail "the metrics have another exit code"
says "complete snapshot"
grep -q '"complete": true' summary.json || fail "the summary does not say that it is complete"
expect 0 "$BIN" crawls
says published

step "what was published is listed and verified"
expect 0 "$BIN" snapshots list
says complete
expect 0 "$BIN" snapshots verify
cp -R out damaged
part=$(find damaged/products -name '*.parquet')
printf x >>"$part"
expect 1 "$BIN" snapshots verify --place damaged
says "products"

step "a replay publishes the crawl again, without the server"
stop_simulator
expect 0 "$BIN" replay latest --sink csv:again
[ "$(wc -l <again/products.csv)" -gt 600 ] || fail "the replay has too few products"

step "an account that is refused makes the next snapshot partial"
cat >refused.toml <<'TOML'
[[fault]]
path = "products/list"
account = 710112
action = { kind = "refuse" }
TOML
start_simulator "$address" --scenario refused.toml
sign_in_anew
expect 3 "$BIN" crawl
says 710112
expect 0 "$BIN" snapshots list
says partial

step "an organization that lost most of its products is not published"
stop_simulator
cat >small.toml <<'TOML'
[organization]
products = 300
TOML
start_simulator "$address" --scenario small.toml
sign_in_anew
before=$(cat out/_fortilake/latest.json)
expect 4 "$BIN" crawl
says --accept-shrink
[ "$before" = "$(cat out/_fortilake/latest.json)" ] || fail "a refused crawl moved the pointer"

step "unless somebody accepts that"
expect 0 "$BIN" replay latest --accept-shrink
[ "$before" != "$(cat out/_fortilake/latest.json)" ] || fail "the accepted crawl was not published"

step "old snapshots are deleted"
expect 0 "$BIN" snapshots prune --last 1 --dry-run
expect 0 "$BIN" snapshots prune --last 1
expect 0 "$BIN" snapshots verify

echo "the operator's day went as documented"
