/** Shared by the edge under test and the fake GPU worker. */
export const GPU_WORKER_SECRET = "a-secret-that-only-these-tests-know";

/** The administrator's token of the edge under test. */
export const ADMIN_TOKEN = "an-administrators-token-of-40-characters";
export const WEBHOOK_SEALING_KEY = "seals-secrets-of-endpoints-in-tests";
