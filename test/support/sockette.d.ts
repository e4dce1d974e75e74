/** The part of sockette 2.0.6 that tests use; the package has no types of its own. */
declare module 'sockette' {
  interface Options {
    readonly timeout?: number;
    readonly onopen?: (event: unknown) => void;
    readonly onclose?: (event: { readonly code: number }) => void;
  }
  export default function sockette(url: string, options: Options): { close(code?: number): void };
}
