/** What pages are made of. */

/** Loads a script that is no module. */
export function script (src) {
  return new Promise((resolve, reject) => {
    document.head.append(Object.assign(document.createElement('script'), { src, onload: resolve, onerror: () => reject(new Error(`${src} is missing`)) }))
  })
}

/** Tells each paragraph that comes to stand in the target. */
export function watchTarget ({ item }) {
  const target = document.querySelector('#target')
  new window.MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) if (node.nodeName === 'P') item({ type: 'message', data: node.textContent })
    }
  }).observe(target, { childList: true })
  return target
}
