import { ActionIcon, Combobox, Text, TextInput, useCombobox } from "@mantine/core";
import { IconSearch, IconX } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { flushSync } from "react-dom";
import { ApiError } from "../shared/api/errors";
import { isForPage } from "../shared/keyboard/keys";
import classes from "./Jobs.module.css";
import { caretOf, reasonOf, suggest } from "./suggest";

export interface FilterBoxProps {
  value: string;
  onSubmit: (filter: string) => void;
  error: Error | null;
  /** How far the text stands from the beginning of what was sent. */
  offset: number;
  tagKeys: readonly string[];
}

/** A search in the API's grammar, with what may come next, and the place where it went wrong. */
export function FilterBox({ value, onSubmit, error, offset, tagKeys }: FilterBoxProps) {
  const [text, setText] = useState(value);
  const [caret, setCaret] = useState(value.length);
  const input = useRef<HTMLInputElement>(null);
  const combobox = useCombobox({ onDropdownClose: () => combobox.resetSelectedOption() });
  const suggestions = suggest(text, caret, tagKeys);
  const refused = error instanceof ApiError && error.status === 400 ? error.message : undefined;
  const place = refused === undefined || text !== value ? undefined : caretOf(refused, offset);

  const [shown, setShown] = useState(value);
  if (shown !== value) {
    setShown(value);
    setText(value);
  }
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.key !== "/" || !isForPage(event)) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener("keydown", focus);
    return () => removeEventListener("keydown", focus);
  }, []);

  const change = (next: string, at: number) => {
    setText(next);
    setCaret(at);
    combobox.openDropdown();
    combobox.resetSelectedOption();
  };
  const put = (option: string) => {
    const next = text.slice(0, suggestions.from) + option + text.slice(suggestions.to);
    const at = suggestions.from + option.length;
    flushSync(() => change(next, at)); // the caret moves at once: later it would undo what is typed meanwhile
    input.current?.focus();
    input.current?.setSelectionRange(at, at);
  };
  const clear = () => {
    change("", 0);
    combobox.closeDropdown();
    onSubmit("");
  };
  return (
    <div className={classes.filter}>
      <Combobox store={combobox} onOptionSubmit={put} withinPortal>
        <Combobox.Target>
          <TextInput
            ref={input}
            aria-label="Search jobs"
            placeholder="A prompt’s name, or status = 'FAILED' AND tags.team = 'search'   ( / )"
            leftSection={<IconSearch size={16} />}
            rightSection={
              text && (
                <ActionIcon variant="subtle" color="gray" aria-label="Clear the search" onClick={clear}>
                  <IconX size={15} />
                </ActionIcon>
              )
            }
            classNames={{ input: classes.grammar }}
            value={text}
            error={refused !== undefined && text === value}
            spellCheck={false}
            autoComplete="off"
            onChange={(event) => change(event.currentTarget.value, event.currentTarget.selectionStart ?? 0)}
            onSelect={(event) => setCaret(event.currentTarget.selectionStart ?? 0)}
            onFocus={() => combobox.openDropdown()}
            onBlur={() => {
              combobox.closeDropdown();
              if (text !== value) onSubmit(text);
            }}
            onKeyDown={(event) => {
              if (event.key === "Enter" && combobox.getSelectedOptionIndex() < 0) {
                combobox.closeDropdown();
                onSubmit(text);
              }
              if (event.key === "Escape" && !combobox.dropdownOpened) input.current?.blur();
            }}
          />
        </Combobox.Target>
        <Combobox.Dropdown hidden={suggestions.options.length === 0}>
          <Combobox.Options aria-label="What may come next">
            {suggestions.options.map((option) => (
              <Combobox.Option value={option.text} key={option.text}>
                <span className={classes.option}>
                  <code>{option.text}</code>
                  {option.hint && <small>{option.hint}</small>}
                </span>
              </Combobox.Option>
            ))}
          </Combobox.Options>
        </Combobox.Dropdown>
      </Combobox>
      {place && (
        <div className={classes.caret} aria-hidden>
          {" ".repeat(place.at) + "^".repeat(place.length)}
        </div>
      )}
      {refused !== undefined && text === value && (
        <Text size="sm" c="var(--bad)" role="alert">
          {reasonOf(refused)}
        </Text>
      )}
    </div>
  );
}
