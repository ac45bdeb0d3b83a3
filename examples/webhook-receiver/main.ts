/**
 * Receives webhooks of this API and prints what they tell.
 *
 *     WEBHOOK_SECRET=whsec_… node examples/webhook-receiver/main.ts [--openai]
 *
 * `PORT` is 8790 unless set, `INBOX` a file of the working directory. The secret is what
 * `POST /v1/webhook_endpoints` answered; after a rotation, change it while both secrets sign.
 */
import { createServer } from "node:http";

import { Inbox } from "./inbox.ts";
import { receiveWebhooks } from "./receiver.ts";
import { verifyWithOpenai, verifyWithStandardWebhooks } from "./verify.ts";

const secret = process.env["WEBHOOK_SECRET"] ?? "";
const verifyWith = process.argv.includes("--openai")
  ? verifyWithOpenai
  : verifyWithStandardWebhooks;

const verify = verifyWith(secret);
const inbox = new Inbox(process.env["INBOX"] ?? "webhook-inbox.sqlite");
const server = createServer(
  receiveWebhooks({ verify, inbox, onArrival: () => setImmediate(work) }),
);
server.listen(Number(process.env["PORT"] ?? 8790), "127.0.0.1", () => {
  const address = server.address();
  const port = typeof address === "object" ? address?.port : address;
  process.stdout.write(`Receiving at http://127.0.0.1:${port}\n`);
  work(); // what an earlier process has left
});

/** Yours: here, whatever takes long may take long. What throws is done again at the next arrival. */
function work(): void {
  for (let event = inbox.next(); event !== undefined; event = inbox.next()) {
    process.stdout.write(`${event.body}\n`);
    inbox.done(event.id);
  }
}
