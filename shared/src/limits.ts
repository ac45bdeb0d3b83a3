const MIB = 2 ** 20;

/** Bytes of a JSON body. A Worker has 128 MB for everything; the body exists there as bytes, text and objects. */
export const MAX_BODY_BYTES = 24 * MIB;

/** Nesting of a JSON body: messages and tool schemas need about a dozen levels; recursion beyond is an attack. */
export const MAX_JSON_DEPTH = 64;

/** Bytes of one picture, encoded: a 100-megapixel JPEG of good quality. */
export const MAX_IMAGE_BYTES = 20 * MIB;

/** Frames of one clip, listed or sampled: the checkpoints' own bound. */
export const MAX_FRAMES = 768;

/** Bytes of one clip that travels inside a request. */
export const MAX_VIDEO_BYTES = 32 * MIB;

/** Bytes of all media of one request that travel inside it. */
export const MAX_INLINE_MEDIA_BYTES = 32 * MIB;

/** Pixels of one picture before resizing: 100 megapixels are 300 MB of RGB while it is decoded. */
export const MAX_IMAGE_PIXELS = 100_000_000;

/** Pictures, clips and frames of one request: a clip of 768 frames, or a document of a thousand pages. */
export const MAX_MEDIA_URLS = 1024;

export const MAX_MESSAGES = 1024;
export const MAX_PARTS_PER_MESSAGE = 1024;
export const MAX_TOOLS = 128;

/** OpenAI's own bound on stop strings is 4; Qwen's examples use more. */
export const MAX_STOP_STRINGS = 16;
export const MAX_STOP_LENGTH = 256;

/** Answers of one request. OpenAI has 128; each takes a place of its own, and there are 72 by default. */
export const MAX_CHOICES = 64;

/** OpenAI's own bound. */
export const MAX_TOP_LOGPROBS = 20;

/** Token ids and words of one request, each looked at for every token of its answers. */
export const MAX_LOGIT_BIASES = 1024;
export const MAX_STOP_TOKENS = 128;
export const MAX_BAD_WORDS = 128;

/** With it, all bad words of a request are tokenised in less than 0.1 s. */
export const MAX_BAD_WORD_LENGTH = 64;

/** Half of the published vocabularies: who allows more forbids the others with `logit_bias`. */
export const MAX_ALLOWED_TOKENS = 2 ** 16;

/** An upper bound no checkpoint reaches; the context length is checked against the model. */
export const MAX_TOKENS_FIELD = 2 ** 24;

/** Characters of a URL that is not `data:`; presigned URLs stay below 4,096. */
export const MAX_URL_LENGTH = 8192;

/** Texts that an answer may be one of, as many as a schema's `enum` may have. */
export const MAX_CHOICE_TEXTS = 1000;

/** Characters of a regular expression, or of one text to choose: the longest in use have about 1,000. */
export const MAX_PATTERN_LENGTH = 4096;

/** Characters of a grammar in EBNF: those of programming languages have some 20,000. */
export const MAX_GRAMMAR_LENGTH = 65_536;

/** Bytes of a form that `POST /v1/files` takes: what Cloudflare lets through on most plans. */
export const MAX_FILE_BODY_BYTES = 100 * MIB;

/** Bytes of one upload to presigned URLs, and of a clip that a GPU worker fetches: its disk holds one. */
export const MAX_UPLOAD_BYTES = 16 * 2 ** 30;

/** Bytes of one clip fetched from a client's URL into the bucket, while the client waits. */
export const MAX_STAGED_VIDEO_BYTES = 4 * 2 ** 30;
