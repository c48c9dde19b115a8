export * from "../protocol/quote.ts";
