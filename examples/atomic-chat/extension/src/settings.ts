import type { SettingComponentProps } from '@janhq/core'

export const URL_KEY = 'kakeyad-url'
export const API_KEY = 'kakeyad-api-key'
export const AUTO_START = 'kakeyad-auto-start'
export const DEFAULT_URL = 'http://127.0.0.1:8317'

/** What a person can set of the extension in the app. */
export function settings(): SettingComponentProps[] {
  return [
    {
      key: URL_KEY,
      title: 'Address of the daemon',
      description: 'Where kakeyad listens. It is started here only when the app has the kakeyad plugin.',
      controllerType: 'input',
      controllerProps: { placeholder: DEFAULT_URL, value: DEFAULT_URL, type: 'url' },
    },
    {
      key: API_KEY,
      title: 'API key',
      description: 'Needed where the daemon has server.api_key. The app wants some key for every provider.',
      controllerType: 'input',
      controllerProps: { placeholder: '', value: '', type: 'password', inputActions: ['unobscure', 'copy'] },
    },
    {
      key: AUTO_START,
      title: 'Start the daemon',
      description: 'Start kakeyad with the app where none answers and the kakeyad plugin is there.',
      controllerType: 'checkbox',
      controllerProps: { value: true },
    },
  ]
}
