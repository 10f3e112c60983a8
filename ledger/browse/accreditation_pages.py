"""The pages about who may issue what, and about the types that are issued."""

from collections.abc import Iterable
from datetime import datetime

from ledger.accreditations import Accreditation, Standing, count
from ledger.browse.entry import did_label, may, party_label
from ledger.browse.explorer import AccreditationsPage, TypePage
from ledger.browse.html import Child, Markup, cell, code, element, filter_form, link, page, pairs, table
from ledger.browse.pages import PAGES, did_address, moment_words, type_address
from protocol.did.webvh.identifier import parse_webvh
from protocol.encoding.form import encode_form

MAX_TYPES = 4
"""How many types of each accreditation a page names; its entry has them all."""


def accreditations_page(shown: AccreditationsPage, *, origin: str) -> str:
    """Who was accredited for what, as trees from the roots down."""
    form = filter_form(PAGES["accreditation"], name=("DID", shown.did or ""), type=("Type", shown.vct or ""))
    words = "Anybody who may write can speak as a root: which roots count, whoever trusts them decides."
    return page("Accreditations", element("p", words), form, *_trees(shown), origin=origin)


def type_page(shown: TypePage, *, origin: str) -> str:
    """What was said of a type, and who is accredited for it."""
    rows: list[tuple[Markup, ...]] = [
        (
            cell(link(f"/browse/entry/{said.leaf_index}", str(said.leaf_index)), kind="number"),
            cell(link(did_address(said.by), did_label(parse_webvh(said.by))), kind="long"),
            cell(code(said.integrity), kind="long"),
            cell(moment_words(said.time), kind="time"),
        )
        for said in reversed(shown.said)
    ]
    query = encode_form({"kind": "type", "name": shown.vct})
    body: list[Child] = [pairs(("Type", code(shown.vct)))]
    body.append(element("h2", "Described by"))
    if rows:
        body.append(table(("Index", "Who says so", "Integrity", "Logged"), rows))
        body.append(element("p", link(f"/evidence?{query}", "all of it with its proof (.tally-proof)")))
    else:
        body.append(element("p", "Nobody has logged which document describes this type."))
    body += [element("h2", "Accreditations"), *_trees(shown.accreditations)]
    return page("Type of credential", *body, origin=origin)


def _trees(shown: AccreditationsPage) -> list[Child]:
    """The trees under their roots, and what of them there is no room for."""
    if not shown.trees:
        return [element("p", "There is no such accreditation.")]
    roots: dict[str, list[Accreditation]] = {}
    for each in shown.trees:
        roots.setdefault(each.record.authorship.by, []).append(each)
    items = [
        element("li", element("p", _party(root, root), ", a root"), _branches(own, shown))
        for root, own in roots.items()
    ]
    body: list[Child] = [element("ul", *items, class_="tree")]
    if (missing := shown.total - count(shown.trees)) > 0:
        body.append(element("p", f"{missing} more are not shown. Ask for one DID or one type."))
    return body


def _branches(below: Iterable[Accreditation], shown: AccreditationsPage) -> Markup:
    items = [_branch(each, shown) for each in below]
    return element("ul", *items) if items else Markup()


def _branch(each: Accreditation, shown: AccreditationsPage) -> Markup:
    record, entry = each.record, f"/browse/entry/{each.leaf_index}"
    party = _party(record.accredited, record.authorship.by)
    details: list[Child] = []
    # Five hundred times sixty-four types would make a page that strangers can ask for as often as they like.
    for vct in record.types[:MAX_TYPES]:
        details += [link(type_address(vct), code(vct)), " · "]
    if (missing := len(record.types) - MAX_TYPES) > 0:
        details.append(f"{missing} more types · ")
    details.append(link(entry, f"entry {each.leaf_index}"))
    return element(
        "li",
        element("p", party, f" may {may(record)}. ", *_standing(each, shown.time)),
        element("p", *details, class_="soft"),
        _branches(each.below, shown),
    )


def _standing(each: Accreditation, moment: datetime) -> list[Child]:
    since, until = moment_words(each.link.since), moment_words(each.link.until)
    match each.standing(moment):
        case Standing.WITHDRAWN:
            return [f"Since {since}. ", element("span", f"Withdrawn {until}", class_="bad")]
        case Standing.ENDED:
            return [f"Since {since}. ", element("span", f"Ended {until}", class_="bad")]
        case Standing.NOT_YET:
            return [element("span", "Not yet", class_="bad"), f": since {since} until {until}"]
        case Standing.COUNTS:
            return [f"Since {since} until {until}"]


def _party(did: str, author: str) -> Markup:
    return link(did_address(did), party_label(did, author))
