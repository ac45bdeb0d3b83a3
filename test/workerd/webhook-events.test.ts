import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import * as z from "zod";

import { deliveriesOf } from "../../edge/src/webhooks/deliveries.ts";
import { findEndpoint } from "../../edge/src/webhooks/find-endpoint.ts";
import { wakeSenders } from "../../edge/src/webhooks/wake-senders.ts";

const ALL = ["job.completed", "job.failed"];
const NOW = 1_790_000_000_000;
const JOB = `job_${"0".repeat(32)}`;

interface EndpointRow {
  tenant: string;
  id: string;
  url?: string;
  events?: readonly string[];
  status?: string;
  disabledReason?: string;
}

async function insertEndpoint(row: EndpointRow): Promise<void> {
  const { url = "https://hooks.example/", events = ALL, status = "enabled" } = row;
  await env.DB.prepare(
    "INSERT INTO webhook_endpoints (id, tenant, api_key_id, url, description, events, payload, secret, status, disabled_reason, created_at, updated_at) " +
      "VALUES (?, ?, 'key', ?, '', ?, 'thin', '', ?, ?, 1, 1)",
  )
    .bind(row.id, row.tenant, url, JSON.stringify(events), status, row.disabledReason ?? null)
    .run();
}

const Made = z.array(
  z.object({
    id: z.string(),
    endpoint_id: z.string(),
    type: z.string(),
    next_at: z.int().nullable(),
  }),
);

async function deliveriesFor(tenant: string) {
  const { results } = await env.DB.prepare(
    "SELECT * FROM webhook_deliveries WHERE tenant = ? ORDER BY endpoint_id",
  )
    .bind(tenant)
    .all();
  return Made.parse(results);
}

/** As a job ends: the guarded update, and what is told of it. */
async function endJob(tenant: string, endpointId: string | null = null): Promise<void> {
  await env.DB.batch([
    env.DB.prepare("UPDATE ends SET ended_at = 1 WHERE tenant = ? AND ended_at IS NULL").bind(
      tenant,
    ),
    deliveriesOf(env.DB, {
      tenant,
      type: "job.completed",
      jobId: JOB,
      endpointId,
      data: { id: JOB },
      now: NOW,
    }),
  ]);
}

async function startJob(tenant: string): Promise<void> {
  await env.DB.prepare("CREATE TABLE IF NOT EXISTS ends (tenant TEXT, ended_at INTEGER)").run();
  await env.DB.prepare("INSERT INTO ends VALUES (?, NULL)").bind(tenant).run();
}

describe("an event's deliveries", () => {
  it("are made once, however often the job is ended", async () => {
    await startJob("once");
    await insertEndpoint({ tenant: "once", id: "we_once_a" });
    await insertEndpoint({ tenant: "once", id: "we_once_b" });
    await endJob("once");
    await endJob("once");
    const made = await deliveriesFor("once");
    expect(made.map((row) => row.endpoint_id)).toEqual(["we_once_a", "we_once_b"]);
    expect(new Set(made.map((row) => row.id)).size).toBe(2);
    expect(made[0]?.id).toMatch(/^evt_[\da-f]{32}$/);
    expect(made[0]?.next_at).toBe(NOW);
  });

  it("go to the tenant's endpoints whose filter has it, and wait where one was disabled for failing", async () => {
    await startJob("filtered");
    await insertEndpoint({ tenant: "filtered", id: "we_f_other", events: ["job.failed"] });
    await insertEndpoint({ tenant: "filtered", id: "we_f_off", status: "disabled" });
    const failed = { status: "disabled", disabledReason: "it failed" };
    await insertEndpoint({ tenant: "filtered", id: "we_f_failed", ...failed });
    await insertEndpoint({ tenant: "stranger", id: "we_f_stranger" });
    await endJob("filtered");
    expect(await deliveriesFor("filtered")).toMatchObject([
      { endpoint_id: "we_f_failed", next_at: null },
    ]);
    expect(await deliveriesFor("stranger")).toEqual([]);
  });

  it("go to the one endpoint that the job names", async () => {
    await startJob("named");
    await insertEndpoint({ tenant: "named", id: "we_n_a" });
    await insertEndpoint({ tenant: "named", id: "we_n_b" });
    await endJob("named", "we_n_b");
    expect((await deliveriesFor("named")).map((row) => row.endpoint_id)).toEqual(["we_n_b"]);
  });
});

describe("an endpoint", () => {
  it("is found by its id and by its URL, however that is spelt, and by its owner alone", async () => {
    const url = "https://found.example/hook";
    await insertEndpoint({ tenant: "finder", id: "we_found", url });
    expect(await findEndpoint(env.DB, "finder", "we_found")).toEqual({ id: "we_found" });
    expect(await findEndpoint(env.DB, "finder", "HTTPS://FOUND.example:443/hook")).toEqual({
      id: "we_found",
    });
    expect(await findEndpoint(env.DB, "other", "we_found")).toBeUndefined();
    expect(await findEndpoint(env.DB, "finder", "nothing")).toBeUndefined();
  });
});

it("waking a tenant's senders never rejects, not even without a database", async () => {
  const closed = new Proxy(env.DB, {
    get() {
      throw new Error("closed");
    },
  });
  await expect(wakeSenders({ ...env, DB: closed }, "filtered")).resolves.toBeUndefined();
});
