// What a person may remove by hand once a provider is disconnected.
import { Icon } from "./icon";

/** The note. name is the provider's. */
export function CleanUp({ name, list, onClose }: { name: string; list: string[]; onClose: () => void }) {
  return (
    <div class="note" role="status" data-testid="clean-up">
      <Icon name="check" />
      <div>
        <strong>{name} is disconnected.</strong>
        {list.length > 0 && <p>What is left to do by hand, if you like:</p>}
        <ul>
          {list.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      </div>
      <button type="button" class="button button-icon" aria-label="Close" onClick={onClose}>
        <Icon name="close" />
      </button>
    </div>
  );
}
