export interface SignInSearch {
  /** Where one was, relative to the page's base. */
  back?: string;
}

export function readSignInSearch(raw: Record<string, unknown>): SignInSearch {
  return { back: typeof raw.back === "string" ? raw.back : undefined };
}

/** The address to go back to; never one outside of this page. */
export function safeBack(back: string | undefined): string {
  return back && /^\/(?![/\\])/.test(back) && !back.startsWith("/signin") ? back : "/";
}
