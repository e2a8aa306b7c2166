"""What is generated from the protos is what the protos say now; ``make protos`` makes it so."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

import burnish.proto
from burnish.proto import catalog_pb2, http_pb2, jobs_pb2, prompt_optimization_pb2, service_pb2

FOLDER = Path(burnish.proto.__file__).parent
MODULES = {
    "catalog": catalog_pb2,
    "http": http_pb2,
    "jobs": jobs_pb2,
    "prompt_optimization": prompt_optimization_pb2,
    "service": service_pb2,
}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> FileDescriptorSet:
    """What the compiler makes of the protos as they stand."""
    target = tmp_path_factory.mktemp("protos") / "set.binpb"
    well_known = Path(protoc.__file__).parent / "_proto"
    arguments = [f"-I{FOLDER.parents[1]}", f"-I{well_known}", f"--descriptor_set_out={target}"]
    files = [str(path) for path in sorted(FOLDER.glob("*.proto"))]
    assert protoc.main([sys.executable, *arguments, "--include_source_info", *files]) == 0
    return FileDescriptorSet.FromString(target.read_bytes())


def test_every_proto_has_its_module() -> None:
    assert {path.stem for path in FOLDER.glob("*.proto")} == set(MODULES)


def test_the_descriptors_with_their_comments_are_not_stale(compiled: FileDescriptorSet) -> None:
    kept = FileDescriptorSet.FromString((FOLDER / "descriptors.binpb").read_bytes())
    assert {file.name: file for file in kept.file} == {file.name: file for file in compiled.file}


@pytest.mark.parametrize("stem", sorted(MODULES))
def test_the_python_is_not_stale(compiled: FileDescriptorSet, stem: str) -> None:
    loaded = FileDescriptorProto.FromString(MODULES[stem].DESCRIPTOR.serialized_pb)
    (fresh,) = [file for file in compiled.file if file.name == f"burnish/proto/{stem}.proto"]
    for file in (loaded, fresh):
        file.ClearField("source_code_info")
        for message in file.message_type:
            _without_json_names(message)
        for extension in file.extension:
            extension.ClearField("json_name")
    assert loaded == fresh


def _without_json_names(message: object) -> None:
    for field in message.field:  # type: ignore[attr-defined]
        field.ClearField("json_name")
    for nested in message.nested_type:  # type: ignore[attr-defined]
        _without_json_names(nested)


@pytest.mark.parametrize("stem", sorted(MODULES))
def test_the_stubs_name_every_field(stem: str) -> None:
    stub = (FOLDER / f"{stem}_pb2.pyi").read_text()
    for message in MODULES[stem].DESCRIPTOR.message_types_by_name.values():
        names = [field.name for field in message.fields]
        assert f"class {message.name}(" in stub
        assert all(f'"{name}"' in stub for name in names)


def test_the_generated_code_does_not_ask_for_one_version_of_protobuf() -> None:
    for path in FOLDER.glob("*_pb2.py"):
        assert "runtime_version" not in path.read_text()
