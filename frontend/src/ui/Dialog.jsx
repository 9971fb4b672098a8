import '@mantine/core/styles/Modal.layer.css';
import { Modal } from '@mantine/core';
import { useFocusBack } from '../lib/useFocusBack.js';
import classes from './Dialog.module.css';

/** What is asked for over the page; behind it the focus goes back to where it was. */
export function Dialog({ title, size, onClose, children }) {
  useFocusBack();
  return (
    <Modal.Root opened onClose={onClose} size={size}>
      <Modal.Overlay />
      <Modal.Content>
        <Modal.Body>
          {/* Not Modal.Header: its header element would be a second banner of the page. */}
          <div className={classes.head}>
            <Modal.Title>{title}</Modal.Title>
            <Modal.CloseButton aria-label="Close" />
          </div>
          {children}
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}
