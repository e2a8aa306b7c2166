import { Kbd, Modal, Table } from "@mantine/core";

const KEYS: readonly [readonly string[], string][] = [
  [["?"], "These keys"],
  [["g", "j"], "To the jobs"],
  [["g", "n"], "To a new job"],
  [["/"], "Jobs: to the search box"],
  [["j", "k"], "Jobs and candidates: next, previous"],
  [["Enter"], "Jobs: open"],
  [["x"], "Jobs: select"],
];

/** Which keys there are. */
export function ShortcutHelp({ onClose }: { onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title="Keys" centered>
      <Table withRowBorders={false}>
        <Table.Tbody>
          {KEYS.map(([keys, words]) => (
            <Table.Tr key={words}>
              <Table.Td w={110}>
                {keys.map((key) => (
                  <Kbd key={key} mr={4}>
                    {key}
                  </Kbd>
                ))}
              </Table.Td>
              <Table.Td>{words}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Modal>
  );
}
