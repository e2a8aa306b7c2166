from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor
HTTP_FIELD_NUMBER: _ClassVar[int]
http: _descriptor.FieldDescriptor

class Http(_message.Message):
    __slots__ = ("methods", "path", "summary", "streams", "only_streams", "takes_file")
    METHODS_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    ONLY_STREAMS_FIELD_NUMBER: _ClassVar[int]
    TAKES_FILE_FIELD_NUMBER: _ClassVar[int]
    methods: _containers.RepeatedScalarFieldContainer[str]
    path: str
    summary: str
    streams: bool
    only_streams: bool
    takes_file: bool
    def __init__(self, methods: _Optional[_Iterable[str]] = ..., path: _Optional[str] = ..., summary: _Optional[str] = ..., streams: _Optional[bool] = ..., only_streams: _Optional[bool] = ..., takes_file: _Optional[bool] = ...) -> None: ...
