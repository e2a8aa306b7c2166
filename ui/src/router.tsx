import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
} from "@tanstack/react-router";
import { readCompareSearch } from "./compare/search";
import { readJobSearch } from "./job/search";
import { readJobsSearch } from "./jobs/search";
import { readNewSearch } from "./new/search";
import { jobQuery } from "./shared/api/queries";
import { base } from "./shared/api/server";
import { NotFound, PageError, Pending } from "./shared/layout/states";
import { Shell } from "./shared/layout/Shell";
import { readSignInSearch } from "./signin/search";

const rootRoute = createRootRouteWithContext<{ queries: QueryClient }>()({
  component: Shell,
  notFoundComponent: NotFound,
});

export const jobsRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/",
  validateSearch: readJobsSearch,
  component: lazyRouteComponent(() => import("./jobs/JobsPage"), "JobsPage"),
});

export const jobRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/jobs/$jobId",
  loader: ({ context, params }) => {
    // It comes while the page's code does; what goes wrong, the page says.
    void context.queries.query(jobQuery(params.jobId)).catch(() => undefined);
  },
  validateSearch: readJobSearch,
  component: lazyRouteComponent(() => import("./job/JobPage"), "JobPage"),
});

export const newRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/new",
  validateSearch: readNewSearch,
  component: lazyRouteComponent(() => import("./new/NewPage"), "NewPage"),
});

export const compareRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/compare",
  validateSearch: readCompareSearch,
  component: lazyRouteComponent(() => import("./compare/ComparePage"), "ComparePage"),
});

export const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/signin",
  validateSearch: readSignInSearch,
  component: lazyRouteComponent(() => import("./signin/SignInPage"), "SignInPage"),
});

const tree = rootRoute.addChildren([jobsRoute, jobRoute, newRoute, compareRoute, signInRoute]);

export function newRouter(queries: QueryClient) {
  return createRouter({
    routeTree: tree,
    basepath: base.pathname.replace(/\/$/, ""),
    context: { queries },
    defaultErrorComponent: PageError,
    defaultPendingComponent: Pending,
    defaultPreload: "intent",
    scrollRestoration: true,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof newRouter>;
  }
}
