"""The ways in which the foreign server can answer."""

from __future__ import annotations

from dataclasses import dataclass

from foreign_tenant import LARGE_ACCOUNT


@dataclass(frozen=True)
class Variant:
    """What one run of the server does differently from the others."""

    page_base: int = 1
    page_size: int = 3
    # Older answers have no page fields; everything is on one page.
    page_fields: bool = True
    parent_key: str = "parentId"
    root_listed: bool = True
    # How an empty result is written: `null`, `list`, `301` or `1008`.
    empty: str = "null"
    quirky: bool = False
    owner_said: bool = True
    wildcard: bool = True
    # A search with `%` is an error instead of finding nothing.
    wildcard_refused: bool = False
    # The user belongs to one account: organization and IAM refuse it.
    local: bool = False
    refused_account: int | None = None
    # The fault on the second page of the large account, and how often it happens.
    moved: tuple[str, int] = ("", 0)
    # The first token for products is forgotten after this many calls.
    token_calls: int | None = None
    expires_in: int | None = 3660
    # The status of the redirect from the token path without its slash.
    redirect: int | None = None
    chunked: bool = False
    gzip: bool = False
    keep_alive: bool = True
    # Successful answers have the empty texts of the specification instead of null and a sentence.
    specified: bool = False
    # A wrong answer, where it happens (`token`, `organization` or `products`), and how often.
    trouble: str = ""
    trouble_at: str = ""
    trouble_times: int = 1 << 30


# All variants that can be crawled, even if an account can't be read.
VARIANTS = {
    "plain": Variant(),
    "base-zero": Variant(page_base=0, page_size=2, parent_key="parentID"),
    "quirky": Variant(quirky=True, chunked=True, gzip=True, owner_said=False),
    "quirky-base-zero": Variant(quirky=True, page_base=0, empty="list", parent_key="parentID"),
    "empty-301": Variant(empty="301", gzip=True),
    "empty-1008": Variant(empty="1008", chunked=True),
    "no-page-fields": Variant(page_fields=False, owner_said=False),
    "root-unlisted": Variant(root_listed=False, expires_in=None),
    "one-connection-each": Variant(keep_alive=False, quirky=True),
    "no-wildcard": Variant(wildcard=False, empty="301"),
    "wildcard-refused": Variant(wildcard=False, wildcard_refused=True),
    "local": Variant(local=True),
    "specified": Variant(specified=True),
    "token-forgotten": Variant(token_calls=3),
    **{f"redirect-{status}": Variant(redirect=status) for status in (301, 302, 307, 308)},
    # Problems that a retry solves.
    **{
        f"stumbles-{trouble}": Variant(trouble=trouble, trouble_at="products", trouble_times=1)
        for trouble in ("unavailable", "throttled", "cut", "reset", "html")
    },
    "stumbles-token": Variant(trouble="unavailable", trouble_at="token", trouble_times=1),
    "refused-account": Variant(refused_account=LARGE_ACCOUNT),
    "moved-once": Variant(moved=("repeat", 1)),
    **{f"moved-always-{how}": Variant(moved=(how, 99)) for how in ("repeat", "short", "total")},
}
