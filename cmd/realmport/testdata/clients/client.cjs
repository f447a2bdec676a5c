// Asks for an export with Zulip's client for JavaScript, waits for its events, and prints what it saw as JSON. Argument: a zuliprc.
const path = require("path");
const zulipInit = require("zulip-js").default || require("zulip-js");

(async () => {
  const client = await zulipInit({ zuliprc: path.resolve(process.argv[2]) });
  const queue = await client.queues.register({ event_types: ["realm_export"] });
  const created = await client.callEndpoint("/export/realm", "POST", { export_type: 1 });
  const events = [];
  let last = queue.last_event_id;
  while (events.length === 0 || events[events.length - 1].exports.some((e) => e.pending)) {
    const answer = await client.events.retrieve({ queue_id: queue.queue_id, last_event_id: last });
    for (const event of answer.events) {
      last = event.id;
      if (event.type !== "heartbeat") events.push(event);
    }
  }
  const list = await client.callEndpoint("/export/realm", "GET");
  const ended = await client.queues.deregister({ queue_id: queue.queue_id });
  console.log(JSON.stringify({ created, events, list, ended }));
})().catch((e) => {
  console.error(e);
  process.exit(1);
});
