"""A daily crawl as a Dagster asset.

    exit code    what the asset does
    0            is materialized, and its check `complete` passes
    3            is materialized, and its check `complete` fails with the list of what is missing
    4            fails without retries: somebody has to decide whether the rows may disappear
    2            fails without retries: configuration, credentials or permissions are wrong
    75, 130      asks for another attempt in ten minutes, which goes on where this one stopped
    1            asks for another attempt, too

Try it with `dagster dev -f dagster_asset.py`.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import dagster as dg

# Options for `fortilake crawl`, such as `--simulate` to try this without an account.
OPTIONS = os.environ.get(
    "FORTILAKE_OPTIONS",
    "--config /etc/fortilake/fortilake.toml --state /var/lib/fortilake/state",
).split()


@dg.asset(
    group_name="fortinet",
    check_specs=[dg.AssetCheckSpec("complete", asset="fortinet_inventory")],
    # Two crawls of one API user would compete for its limits.
    pool="fortilake",
)
def fortinet_inventory(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """The published snapshot of the Fortinet inventory."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "summary.json"
        command = ["fortilake", "crawl", *OPTIONS, "--summary", str(file)]
        code = subprocess.run(command, check=False).returncode
        # The file is missing only if the process was killed before it could start.
        summary = json.loads(file.read_text()) if file.exists() else {}
    reason = summary.get("reason")
    if code in (75, 130):
        context.log.info(f"paused: {reason}")
        raise dg.RetryRequested(max_retries=72, seconds_to_wait=600)
    if code in (2, 4):
        raise dg.Failure(f"exit code {code}: {reason}", allow_retries=False)
    if code not in (0, 3):
        context.log.error(f"exit code {code}: {reason}")
        raise dg.RetryRequested(max_retries=3, seconds_to_wait=900)
    return dg.MaterializeResult(
        metadata={
            "snapshot": summary["snapshot"],
            "calls": summary["calls"],
            "dagster/row_count": sum(summary["tables"].values()),
            "tables": dg.MetadataValue.json(summary["tables"]),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="complete",
                passed=summary["complete"],
                metadata={"failed": dg.MetadataValue.json(summary["failed"])},
            )
        ],
    )


daily = dg.define_asset_job("daily_inventory", selection=[fortinet_inventory])

defs = dg.Definitions(
    assets=[fortinet_inventory],
    schedules=[dg.ScheduleDefinition(job=daily, cron_schedule="0 5 * * *")],
)
