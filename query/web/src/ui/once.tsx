// A secret that was just made: shown once, to be copied.
import type { ComponentChildren } from "preact";
import { Copy } from "./basics";
import { Icon } from "./icon";

interface Props {
  title: string;
  text: string;
  secret: string;
  testid: string;
  onClose: () => void;
  children?: ComponentChildren; // what else there is to say of it
}

/** Shows the secret until it is said that it was copied. */
export function Once({ title, text, secret, testid, onClose, children }: Props) {
  return (
    <div class="note" role="status">
      <Icon name="check" />
      <div>
        <strong>{title}</strong>
        <p>{text}</p>
        <code class="secret break" data-testid={testid}>
          {secret}
        </code>
        {children}
      </div>
      <span class="actions">
        <Copy text={secret} />
        <button type="button" class="button" onClick={onClose}>
          Done
        </button>
      </span>
    </div>
  );
}
