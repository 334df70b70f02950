"""A cloud's endpoint: an object store and the call that says who one is. Signatures are not checked, the key's id is."""

import os

XML = {"Content-Type": "text/xml"}
IDENTITY = b"""<GetCallerIdentityResponse><GetCallerIdentityResult>
<Arn>arn:aws:iam::123456789012:user/ci</Arn><UserId>AIDAMADEUP</UserId><Account>123456789012</Account>
</GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""
LIST = b"""<ListBucketResult><Name>b</Name><KeyCount>0</KeyCount>
<MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>"""


def answer(request):
    if os.environ["T_CLOUD"][:16].upper() not in request.headers.get("Authorization", ""):
        return 403, XML, b"<Error><Code>AccessDenied</Code></Error>"
    request.user = "cloud"
    if request.command == "POST" and b"GetCallerIdentity" in request.body:
        return 200, XML, IDENTITY
    if request.command == "PUT":
        request.note = f" {len(request.body)} bytes"
        return 200, {"ETag": '"1"'}, b""
    if request.command == "GET" and "list-type" in request.query:
        return 200, XML, LIST
    return 404, XML, b""
