import { SegmentedControl, Text } from "@mantine/core";
import { useMemo, useState } from "react";
import { Chart } from "../shared/charts/Chart";
import type { Job } from "../shared/api/types";
import { Card } from "../shared/parts/Card";
import { costOption, costPoints, type Scale } from "./cost-chart";

const HEIGHT = 320;

/** What each search has cost, and what it brought. */
export function CostChart({ jobs }: { jobs: readonly Job[] }) {
  const [scale, setScale] = useState<Scale>("test");
  const points = useMemo(() => costPoints(jobs, scale), [jobs, scale]);
  const option = useMemo(() => costOption(points), [points]);
  return (
    <Card
      title="Score against cost"
      aside={
        <SegmentedControl
          size="xs"
          aria-label="Which score"
          value={scale}
          onChange={setScale}
          data={[
            { value: "test", label: "Sealed test" },
            { value: "validation", label: "Validation" },
          ]}
        />
      }
    >
      {points.length === 0 ? (
        <Text size="sm" c="dimmed">
          None of them has such a score yet.
        </Text>
      ) : (
        <Chart
          option={option}
          height={HEIGHT}
          label={`Score of ${points.length} jobs against what their searches cost; the table above has the numbers`}
        />
      )}
    </Card>
  );
}
