/** As much of node-llama-cpp as is used here. */
interface LlamaModule {
  getLlama(options: {
    gpu: false;
    build: "never";
    skipDownload: true;
    logLevel: "error";
    maxThreads: number;
  }): Promise<{ loadModel(options: { modelPath: string }): Promise<LoadedModel> }>;
}

interface LoadedModel {
  createContext(options: {
    contextSize: number;
    sequences: number;
    batchSize: number;
    threads: number;
    flashAttention: boolean;
  }): Promise<{ getSequence(): LlamaSequence }>;
}

/** One of a context; what is asked of several at once is run as a batch. */
export interface LlamaSequence {
  /** Ends at an end token unless that is yielded too. */
  evaluate(
    tokens: number[],
    options: { temperature: 0; yieldEogToken?: boolean },
  ): AsyncGenerator<number>;
  evaluateWithoutGeneratingNewTokens(tokens: number[]): Promise<void>;
  eraseContextTokenRanges(ranges: { start: number; end: number }[]): Promise<void>;
  clearHistory(): Promise<void>;
  saveStateToFile(path: string): Promise<unknown>;
  loadStateFromFile(path: string, risk: { acceptRisk: true }): Promise<void>;
}

/** llama.cpp's own default. */
const BATCH_SIZE = 512;

export interface LlamaSizes {
  threads: number;
  sequences: number;
  /** Tokens of each sequence. */
  capacity: number;
}

/** Loads a model with what makes it fastest here: flash attention. @returns the sequences of a context of its */
export async function openLlama(
  { module, gguf }: { module: string; gguf: string },
  { threads, sequences, capacity }: LlamaSizes,
): Promise<readonly LlamaSequence[]> {
  const library: LlamaModule = await import(module);
  const options = { gpu: false, build: "never", skipDownload: true, logLevel: "error" } as const;
  const llama = await library.getLlama({ ...options, maxThreads: threads });
  const model = await llama.loadModel({ modelPath: gguf });
  const context = await model.createContext({
    contextSize: capacity,
    sequences,
    batchSize: BATCH_SIZE,
    threads,
    flashAttention: true,
  });
  return Array.from({ length: sequences }, () => context.getSequence());
}
