# The example of the API's documentation, with the file to log in with as its argument.
import sys

import zulip

client = zulip.Client(config_file=sys.argv[1])

print(client.call_endpoint(url="/export/realm", method="POST"))
