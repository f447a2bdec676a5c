# Follows an export through its life with Zulip's own client, and prints what it saw as JSON. Arguments: the administrator's zuliprc, a
# member's.
import json
import os
import queue
import sys
import threading
import urllib.error
import urllib.request

import zulip

PATIENCE = 120  # seconds, for what should take a moment

admin = zulip.Client(config_file=sys.argv[1])
member = zulip.Client(config_file=sys.argv[2])
seen = {"events": []}
events = queue.Queue()
registered = threading.Event()


def listen():
    listener = zulip.Client(config_file=sys.argv[1])
    register = listener.register

    def tell(*args, **kwargs):
        answer = register(*args, **kwargs)
        registered.set()
        return answer

    listener.register = tell
    listener.call_on_each_event(events.put, event_types=["realm_export", "realm_export_consent"])


def next_event():
    event = events.get(timeout=PATIENCE)
    seen["events"].append(event)
    return event


threading.Thread(target=listen, daemon=True).start()
assert registered.wait(PATIENCE), "no event queue"

seen["refused"] = member.call_endpoint(url="/export/realm", method="GET")
seen["created"] = admin.call_endpoint(url="/export/realm", method="POST", request={"export_type": 2})
while next_event()["exports"][-1]["pending"]:
    pass
seen["list"] = admin.call_endpoint(url="/export/realm", method="GET")
url = seen["list"]["exports"][-1]["export_url"]
with urllib.request.urlopen(url) as response:
    archive = response.read()
seen["magic"] = archive[:2].hex()
seen["size"] = len(archive)

seen["changed"] = [
    member.call_endpoint(url="/settings", method="PATCH", request={"allow_private_data_export": value})
    for value in (True, False)
]
next_event()
next_event()
seen["consents"] = admin.call_endpoint(url="/export/realm/consents", method="GET")

seen["deleted"] = admin.call_endpoint(url="/export/realm/%d" % seen["created"]["id"], method="DELETE")
next_event()
try:
    urllib.request.urlopen(url)
    seen["after"] = 200
except urllib.error.HTTPError as e:
    seen["after"] = e.code

print(json.dumps(seen))
sys.stdout.flush()
os._exit(0)  # the listener never ends by itself
