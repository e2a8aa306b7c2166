import type { CSSProperties, ReactNode } from "react";
import classes from "./Card.module.css";

export interface CardProps {
  title?: ReactNode;
  /** Stands at the right of the title. */
  aside?: ReactNode;
  children: ReactNode;
  style?: CSSProperties;
}

/** A surface with a heading. */
export function Card({ title, aside, children, style }: CardProps) {
  return (
    <section className={classes.card} style={style}>
      {(title !== undefined || aside !== undefined) && (
        <header className={classes.head}>
          <h2 className={classes.title}>{title}</h2>
          {aside}
        </header>
      )}
      {children}
    </section>
  );
}
