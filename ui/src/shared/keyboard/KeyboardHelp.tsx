import { Kbd, Modal } from "@mantine/core";
import { HELP } from "./keys";
import classes from "./Keyboard.module.css";

/** Which key does what. */
export default function KeyboardHelp({ onClose }: { onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title="Keys" centered>
      {HELP.map(({ where, keys }) => (
        <section key={where} className={classes.section}>
          <h3>{where}</h3>
          <dl>
            {keys.map(([names, what]) => (
              <div key={names}>
                <dt>
                  {names.split(" ").map((name) => (
                    <Kbd key={name}>{name}</Kbd>
                  ))}
                </dt>
                <dd>{what}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Modal>
  );
}
