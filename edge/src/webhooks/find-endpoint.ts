import * as z from "zod";

/** The tenant's endpoint by its id or its URL; of several with one URL, the oldest. */
export async function findEndpoint(
  db: D1Database,
  tenant: string,
  idOrUrl: string,
): Promise<{ id: string } | undefined> {
  const row = await db
    .prepare(
      "SELECT id FROM webhook_endpoints WHERE tenant = ?1 AND (id = ?2 OR url = ?2 OR url = ?3) " +
        "ORDER BY created_at, id LIMIT 1",
    )
    .bind(tenant, idOrUrl, URL.parse(idOrUrl)?.href ?? idOrUrl)
    .first();
  return row === null ? undefined : z.object({ id: z.string() }).parse(row);
}
