"""The messages of an object's header become a group or a dataset."""

from __future__ import annotations

from neurodata4ml.data.storage.hdf5.attributes import Attribute, committed_part, parse_attribute, read_values
from neurodata4ml.data.storage.hdf5.cursor import Cursor, refuse
from neurodata4ml.data.storage.hdf5.damage import Unsupported
from neurodata4ml.data.storage.hdf5.datatypes import parse_datatype
from neurodata4ml.data.storage.hdf5.fractal_heap import dense_attributes, dense_links
from neurodata4ml.data.storage.hdf5.groups import read_symbol_table
from neurodata4ml.data.storage.hdf5.headers import (
    ATTRIBUTE,
    ATTRIBUTE_INFO,
    DATASPACE,
    DATATYPE,
    EXTERNAL_FILES,
    FILL,
    FILTERS,
    LAYOUT,
    LINK,
    LINK_INFO,
    OLD_FILL,
    SHARED,
    SYMBOL_TABLE,
    Message,
    read_header,
)
from neurodata4ml.data.storage.hdf5.heap import Collections
from neurodata4ml.data.storage.hdf5.layouts import EXTERNAL, parse_layout
from neurodata4ml.data.storage.hdf5.messages import (
    check_claim,
    parse_attribute_info,
    parse_dataspace,
    parse_fill,
    parse_filters,
    parse_link,
    parse_link_info,
    parse_old_fill,
)
from neurodata4ml.data.storage.hdf5.sizes import Sizes
from neurodata4ml.data.storage.index import Dataset, Filter, Group, Layout, Link, Stored
from neurodata4ml.data.storage.waves import Reading

_NAMES = {
    DATASPACE: "the shape of a dataset",
    DATATYPE: "the datatype of a dataset",
    FILL: "the fill value of a dataset",
    OLD_FILL: "the old fill value of a dataset",
    FILTERS: "the list of filters of a dataset",
    LAYOUT: "the layout of a dataset",
    LINK: "a link",
    LINK_INFO: "what a group says of its links",
    ATTRIBUTE: "an attribute",
    ATTRIBUTE_INFO: "what an object says of its attributes",
}


def describe_object(heaps: Collections, address: int) -> Reading[Group | Dataset]:
    """Read what an object is, its attributes, and for a group its members."""
    messages = yield from read_header(heaps, address)
    first: dict[int, Message] = {}
    for message in messages:
        first.setdefault(message.kind, message)
    if SYMBOL_TABLE in first or LINK_INFO in first:
        links = yield from _read_links(heaps, messages, first)
        return Group(address, links, (yield from _read_attributes(heaps, messages, first)))
    if DATATYPE in first and DATASPACE in first:
        dataset = yield from _read_dataset(heaps, first, address)
        attrs = yield from _read_attributes(heaps, messages, first)
        return Dataset(address, *dataset, attrs)
    if DATATYPE in first:
        message_ = "it is a datatype with a name: neither a group nor values"
        raise Unsupported(message_)
    refuse(f"the object at byte {address}", "is neither a group nor a dataset")


def _read_links(heaps: Collections, messages: list[Message], first: dict[int, Message]) -> Reading[dict[str, Link]]:
    """Read the members of a group, in the order in which h5py lists them."""
    sizes = heaps.sizes
    if LINK_INFO not in first:
        return (yield from read_symbol_table(sizes, first[SYMBOL_TABLE].data, heaps.spend))
    dense = parse_link_info(_cursor(sizes, first[LINK_INFO]))
    found: list[bytes] | list[memoryview]
    if dense.heap is None or dense.names is None:
        found = [_own(message) for message in messages if message.kind == LINK]
    else:
        found = yield from dense_links(sizes, dense.heap, dense.names)
    links = [parse_link(Cursor(memoryview(data), sizes, _NAMES[LINK])) for data in found]
    links.sort(key=lambda link: link[1] if dense.is_ordered else link[0].encode("utf-8", "surrogateescape"))
    by_name = {name: link for name, _, link in links}
    if len(by_name) < len(links):
        refuse("a group", "has two members of one name")
    return by_name


def _read_dataset(
    heaps: Collections, first: dict[int, Message], address: int
) -> Reading[tuple[tuple[int, ...] | None, Stored, Layout, tuple[Filter, ...], bytes | None]]:
    """Read shape, datatype, layout, filters and fill value of a dataset."""
    sizes = heaps.sizes
    if LAYOUT not in first:
        refuse(f"the dataset at byte {address}", "does not say where its values are")
    shape, maxshape = parse_dataspace(_cursor(sizes, first[DATASPACE]))
    stored = yield from _read_datatype(heaps, first[DATATYPE].flags, first[DATATYPE].data)
    check_claim(_NAMES[DATASPACE], shape or (), stored.raw.itemsize)
    filters = parse_filters(_cursor(sizes, first[FILTERS])) if FILTERS in first else ()
    fill = _fill(sizes, first)
    if fill is not None and len(fill) != stored.raw.itemsize:
        refuse(f"the dataset at byte {address}", f"has values of {stored.raw.itemsize} bytes, but {len(fill)} fill")
    layout = parse_layout(_cursor(sizes, first[LAYOUT]), shape, maxshape, stored.raw.itemsize)
    return shape, stored, EXTERNAL if EXTERNAL_FILES in first else layout, filters, fill


def _fill(sizes: Sizes, first: dict[int, Message]) -> bytes | None:
    if FILL in first:
        return parse_fill(_cursor(sizes, first[FILL]))
    return parse_old_fill(_cursor(sizes, first[OLD_FILL])) if OLD_FILL in first else None


def _read_attributes(
    heaps: Collections, messages: list[Message], first: dict[int, Message]
) -> Reading[dict[str, object]]:
    """Read the attributes of an object, in the order of their names."""
    sizes = heaps.sizes
    dense = parse_attribute_info(_cursor(sizes, first[ATTRIBUTE_INFO])) if ATTRIBUTE_INFO in first else None
    found: list[bytes] | list[memoryview]
    if dense is None or dense.heap is None or dense.names is None:
        found = [_own(message) for message in messages if message.kind == ATTRIBUTE]
    else:
        found = yield from dense_attributes(sizes, dense.heap, dense.names)
    attributes: list[Attribute] = []
    for data in found:
        attributes.append((yield from _read_attribute(heaps, memoryview(data))))
    attributes.sort(key=lambda attribute: attribute.name)
    if len({attribute.name for attribute in attributes}) < len(attributes):
        refuse("an object", "has two attributes of one name")
    return (yield from read_values(attributes, heaps))


def _read_attribute(heaps: Collections, data: memoryview) -> Reading[Attribute]:
    sizes = heaps.sizes
    committed = committed_part(Cursor(data, sizes, _NAMES[ATTRIBUTE]))
    stored = None if committed is None else (yield from _read_datatype(heaps, SHARED, committed))
    return parse_attribute(Cursor(data, sizes, _NAMES[ATTRIBUTE]), stored)


def _read_datatype(heaps: Collections, flags: int, data: memoryview) -> Reading[Stored]:
    """Read a datatype, from another object's header where the message only says which."""
    if not flags & SHARED:
        return parse_datatype(data)
    cursor = Cursor(data, heaps.sizes, "a message that says where a datatype lies")
    version = cursor.version(1, 2, 3)
    kind = cursor.byte()
    cursor.take(6 if version == 1 else 0)
    if version == 3 and kind != 2:
        message_ = "a datatype lies in the file's table of shared messages, which this reader does not know"
        raise Unsupported(message_)
    for message in (yield from read_header(heaps, cursor.address())):
        if message.kind == DATATYPE:
            return parse_datatype(_own(message))
    refuse("a datatype with a name", "is none")


def _cursor(sizes: Sizes, message: Message) -> Cursor:
    return Cursor(_own(message), sizes, _NAMES[message.kind])


def _own(message: Message) -> memoryview:
    """Return the data of a message; refused where they only say where it lies."""
    if message.flags & SHARED:
        text = f"{_NAMES[message.kind]} lies in the file's table of shared messages, which this reader does not know"
        raise Unsupported(text)
    return message.data
