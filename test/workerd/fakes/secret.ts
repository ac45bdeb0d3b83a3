/** Shared by the edge under test and the fake GPU worker. */
export const GPU_WORKER_SECRET = "a-secret-that-only-these-tests-know";
